"""How long a 250 takes, and how long the loop, while somebody sends heavier newsletters than the workers can do.

One login sends newsletters that nobody has seen, with all switches, from several connections, without a pause.
Meanwhile another sends one after the other, each of its own campaign, and a third connection says NOOP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from bench import servers
from bench.harness import Harness
from bench.newsletter import harbour, letter
from bench.record import Comparison
from tests.kit.daemon import Daemon, Login

CONNECTIONS = 8
KINDS = {"the storm's 250": "storm", "another login's 250": "serial", "a NOOP": "noop"}


def storm(harness: Harness) -> Iterator[Comparison]:
    comparison = Comparison(f"{CONNECTIONS} connections with newsletters at first sight", "p99 ms", ours="")
    with servers.daemon(harness.place("storm")) as daemon:
        times = Senders(daemon, harness.scale.storm).run()
        for row, kind in KINDS.items():
            taken = sorted(times[kind])
            late = taken[int(len(taken) * 0.99)]
            figures = {"p50 ms": taken[len(taken) // 2], "p99 ms": late, "most ms": taken[-1]}
            comparison.add(row, {name: seconds * 1e3 for name, seconds in figures.items()})
    yield comparison


class Senders:
    """All of them, for so many seconds."""

    def __init__(self, daemon: Daemon, seconds: float) -> None:
        self._daemon = daemon
        self._html = harbour()
        self._storming, self._serial = (daemon.login(*servers.EVERYTHING[:-1]) for _ in range(2))
        self._times: dict[str, list[float]] = {kind: [] for kind in KINDS.values()}
        self._ends = time.monotonic() + seconds

    def run(self) -> dict[str, list[float]]:
        """Seconds of each kind."""
        threads = [
            threading.Thread(target=self._newsletters, args=(self._storming, "storm", number))
            for number in range(CONNECTIONS)
        ]
        threads.append(
            threading.Thread(target=self._newsletters, args=(self._serial, "serial", CONNECTIONS, 0.1))
        )
        threads.append(threading.Thread(target=self._noops, args=(self._serial,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._times

    def _newsletters(self, login: Login, kind: str, number: int, pause: float = 0.0) -> None:
        """Newsletters that nobody has seen, one after the other; at least one."""
        with self._daemon.client() as client:
            client.login(login.username, login.password)
            while True:
                sheet = f"<style>.x{number} {{color: red}}</style></head>"
                content = letter(self._html.replace("</head>", sheet), number)
                number += CONNECTIONS + 1
                self._time(
                    kind, lambda content=content: client.sendmail("a@b.example", ["c@d.example"], content)
                )
                if time.monotonic() > self._ends:
                    return
                time.sleep(pause)

    def _noops(self, login: Login) -> None:
        with self._daemon.client() as client:
            client.login(login.username, login.password)
            while True:
                self._time("noop", client.noop)
                if time.monotonic() > self._ends:
                    return
                time.sleep(0.01)

    def _time(self, kind: str, work: Callable[[], object]) -> None:
        started = time.perf_counter()
        work()
        self._times[kind].append(time.perf_counter() - started)
