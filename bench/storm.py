"""How long a 250 takes, and how long the loop, while somebody sends heavier newsletters than the workers can do.

One login sends newsletters that nobody has seen, with all switches, from several connections, without a pause.
Meanwhile another sends one after the other, each of its own campaign, and a third connection says NOOP.
Once much is pending the first one's 250 waits for the workers; the others' should not.
"""

from __future__ import annotations

import itertools
import smtplib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench import servers
from bench.harness import Harness
from bench.newsletter import harbour, letter
from bench.record import Comparison
from tests.kit.daemon import Daemon, Login

CONNECTIONS = 8
PATIENCE = 120.0  # seconds for a reply
NOOPS = 50  # on one connection: a hundred commands that lead nowhere are too many

Times = list[float]  # seconds


def storm(harness: Harness) -> Iterator[Comparison]:
    comparison = Comparison(f"{CONNECTIONS} connections with newsletters at first sight", "p99 ms", ours="")
    with servers.daemon(harness.place("storm")) as daemon:
        for row, times in _times(daemon, harness.scale.storm).items():
            ordered = [seconds * 1e3 for seconds in sorted(times)]
            late = ordered[int(len(ordered) * 0.99)]
            comparison.add(
                row, {"p50 ms": ordered[len(ordered) // 2], "p99 ms": late, "most ms": ordered[-1]}
            )
    yield comparison


def _times(daemon: Daemon, seconds: float) -> dict[str, Times]:
    storming, other = (daemon.login(*servers.EVERYTHING[:-1]) for _ in range(2))
    numbers = itertools.count(1)
    ends = time.monotonic() + seconds
    with ThreadPoolExecutor(CONNECTIONS + 2) as pool:
        storms = [pool.submit(_newsletters, daemon, storming, numbers, ends) for _ in range(CONNECTIONS)]
        serial = pool.submit(_newsletters, daemon, other, numbers, ends, 0.1)
        noops = pool.submit(_noops, daemon, ends)
    return {
        "the storm's 250": [taken for each in storms for taken in each.result()],
        "another login's 250": serial.result(),
        "a NOOP": noops.result(),
    }


def _newsletters(
    daemon: Daemon, login: Login, numbers: Iterator[int], ends: float, pause: float = 0.0
) -> Times:
    """Newsletters that nobody has seen, one after the other; at least one."""
    html = harbour()
    taken: Times = []
    with _client(daemon) as client:
        client.login(login.username, login.password)
        while not taken or time.monotonic() < ends:
            number = next(numbers)
            sheet = f"<style>.x{number} {{color: red}}</style></head>"
            content = letter(html.replace("</head>", sheet), number)
            started = time.perf_counter()
            client.sendmail("a@b.example", ["c@d.example"], content)
            taken.append(time.perf_counter() - started)
            time.sleep(pause)
    return taken


def _noops(daemon: Daemon, ends: float) -> Times:
    taken: Times = []
    while not taken or time.monotonic() < ends:
        with _client(daemon) as client:
            for _ in range(NOOPS):
                started = time.perf_counter()
                client.noop()
                taken.append(time.perf_counter() - started)
                time.sleep(0.01)
    return taken


def _client(daemon: Daemon) -> smtplib.SMTP:
    client = daemon.client()
    assert client.sock
    client.sock.settimeout(PATIENCE)
    return client
