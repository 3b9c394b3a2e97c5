"""The rewriters, as submission asks for them: what is light here and now, what is not in a worker process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import execute

from smtpeter.message.edit import Edit, Report, Template
from smtpeter.message.options import Switches
from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.pool import Pool
from smtpeter.rewrite.settings import Settings

# Octets of a message that is not rewritten beside the conversations: the worst below takes 100 ms.
_LARGE = 65_536


class Preparing:
    """`hosts(original)`: the tracking hosts of a message."""

    def __init__(self, light: Pipeline, workers: Pool, hosts: Callable[[bytes], Settings]) -> None:
        self._light = light
        self._workers = workers
        self._hosts = hosts

    def prepare(
        self, original: bytes, switches: Switches, header_edits: tuple[Edit, ...], /
    ) -> Awaitable[tuple[Template, Report]]:
        hosts = self._hosts(original) if switches.on() else None
        if switches.inline_css or (len(original) > _LARGE and switches.on()):
            return self._workers.prepare(original, switches, header_edits, hosts)
        return execute(self._light.prepare, original, switches, header_edits, hosts)
