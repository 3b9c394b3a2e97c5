"""A server under load, with a host that takes its mail: what befalls it meanwhile must cost no message.

What is promised whatever happens: no message that got its 250 is lost or altered, all that was refused was refused for
now (4xx), and nothing is stuck once the trouble is over.
"""

from __future__ import annotations

from collections import Counter
from typing import Self

from tests.kit.daemon import Daemon
from tests.kit.load import Clients, content
from tests.kit.loopback import until
from tests.kit.sink import Sink

FEW = 10  # messages, or replies, that show that something goes on


class Trial:
    """Starts the server and its load; a context manager that at its end checks what is promised."""

    def __init__(self, server: Daemon, sink: Sink, sessions: int = 2, within: float = 90.0) -> None:
        self.server = server
        self.sink = sink
        self.clients = Clients(server.starttls, sessions)
        self._within = within

    def __enter__(self) -> Self:
        self.server.start()
        self.clients.__enter__()
        self.takes()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.clients.__exit__()
        try:
            if kind is None:
                self.server.wait_until_idle(self._within)
                self.check()
        finally:
            self.server.__exit__(kind)

    def _log(self) -> str:
        return self.server.log()[-3000:]

    def takes(self, count: int = FEW) -> None:
        """Wait until so many more messages are acknowledged."""
        goal = len(self.clients.acknowledged) + count
        until(lambda: len(self.clients.acknowledged) >= goal, self._within, self._log)

    def refuses(self, count: int = FEW) -> None:
        """Wait until so many more are refused."""
        goal = len(self.clients.refused) + count
        until(lambda: len(self.clients.refused) >= goal, self._within, self._log)

    def takes_nothing(self, count: int = FEW) -> None:
        """Wait until so many more are refused, none of them taken meanwhile."""
        self.refuses()  # what was under way is through
        before = len(self.clients.acknowledged)
        self.refuses(count)
        assert before == len(self.clients.acknowledged)

    def urge(self) -> bool:
        """As an operator who has everything tried again now, also at sites in trouble."""
        return self.server.command("queue", "retry", "--all").returncode == 0

    def check(self) -> None:
        arrived: Counter[str] = Counter()
        for message in self.sink.messages:
            [recipient] = message.recipients
            arrived[recipient] += 1
            assert message.content.endswith(content(recipient)), recipient
        assert set(self.clients.acknowledged) <= set(arrived) <= set(self.clients.sent)
        assert {code for code in self.clients.refused if not 400 <= code < 500} == set()
        lost = [entry for entry in self.server.events() if entry["event"] == "failure"]
        assert lost == []
