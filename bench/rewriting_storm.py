"""How long a 250 takes, and how long the loop, while somebody sends heavier newsletters than the workers can do.

One login sends first-sight newsletters with all switches from several connections, without a pause. Meanwhile another
sends one after the other, each of its own campaign, and a third connection says NOOP. What is told: how many messages,
and milliseconds of each kind, median and 99th percentile.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.rewriting import message  # its own, beside this file
from tests.fidelity.templates import mjml, mjml_source
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon, Login

SWITCHES = ("--track-clicks", "--track-opens", "--prevent-scam", "--inline-css")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--connections", type=int, default=8)
    arguments = parser.parse_args()
    html = mjml({"x": mjml_source("harbour", 3)})["x"]
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory))
        relay = {"mode": "sandbox"}
        with Daemon(Path(directory) / "server", authority, relay=relay) as server:
            storm, serial = server.login(*SWITCHES), server.login(*SWITCHES)
            ends = time.monotonic() + arguments.seconds
            send = Sender(server, html, ends)
            threads = [
                threading.Thread(target=send.all, args=(storm, f"storm{n}"))
                for n in range(arguments.connections)
            ]
            for thread in threads:
                thread.start()
            noop = threading.Thread(target=send.noops, args=(serial,))
            noop.start()
            send.all(serial, "serial", 0.1)
            for thread in (*threads, noop):
                thread.join()
            for name, taken in sorted(send.taken.items()):
                if taken:
                    _show(name, taken)


class Sender:
    """`taken`: seconds of each kind."""

    def __init__(self, server: Daemon, html: str, ends: float) -> None:
        self._server = server
        self._html = html
        self._ends = ends
        self.taken: dict[str, list[float]] = {"storm": [], "serial": [], "noop": []}

    def all(self, login: Login, name: str, pause: float = 0.0) -> None:
        """Newsletters that nobody has seen, one after the other."""
        kind = name.rstrip("0123456789")
        with self._server.client() as client:
            client.login(login.username, login.password)
            number = 0
            while time.monotonic() < self._ends:
                number += 1
                sheet = f"<style>.x{name}{number} {{color: red}}</style></head>"
                content = message(self._html.replace("</head>", sheet), "quoted-printable")
                self._timed(
                    kind, lambda content=content: client.sendmail("a@b.example", ["c@d.example"], content)
                )
                time.sleep(pause)

    def noops(self, login: Login) -> None:
        with self._server.client() as client:
            client.login(login.username, login.password)
            while time.monotonic() < self._ends:
                self._timed("noop", client.noop)
                time.sleep(0.01)

    def _timed(self, kind: str, work: Callable[[], object]) -> None:
        started = time.perf_counter()
        work()
        self.taken[kind].append(time.perf_counter() - started)


def _show(name: str, taken: list[float]) -> None:
    taken.sort()
    median, late = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(
        f"{name:8}{len(taken):7}  median {median * 1e3:8.1f}  p99 {late * 1e3:8.1f}  most {taken[-1] * 1e3:8.1f} ms"
    )


if __name__ == "__main__":
    main()
