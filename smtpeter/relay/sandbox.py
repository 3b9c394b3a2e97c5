"""The courier that lets nothing leave the machine: it keeps what would have left, and says that it was delivered."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from smtpeter.message.identifier import DeliveryId, show
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.relay.faults import caught
from smtpeter.relay.interface import Group, Outgoing
from smtpeter.spool.model import Delivery


class Sandbox:
    """Keeps each delivery's content as `ID.eml` in `directory`, whole or not at all, for its owner's eyes only."""

    def __init__(self, directory: Path, outgoing: Outgoing) -> None:
        self._directory = directory
        self._outgoing = outgoing

    async def attempt(self, group: Group) -> Mapping[DeliveryId, Outcome]:
        outcomes = {}
        for delivery in group.deliveries:
            kept = await caught(self._keep(group, delivery), f"keeping {show(delivery.id)}")
            if isinstance(kept, Exception):
                told = Reply(451, "4.3.0", "The sandbox could not keep it; it will be tried again")
                outcomes[delivery.id] = Outcome(Result.DEFERRED, Stage.PROCESS, told, repr(kept))
            else:
                told = Reply(250, "2.0.0", f"Kept in the sandbox as {kept.name}")
                outcomes[delivery.id] = Outcome(Result.DELIVERED, Stage.MESSAGE, told, host="sandbox")
        return outcomes

    def kept(self, _site: str) -> int:
        return 0

    async def stop(self) -> None:
        """Nothing is open."""

    async def _keep(self, group: Group, delivery: Delivery) -> Path:
        rendered = self._outgoing.content(group.message, delivery, eight_bit=True)
        content = rendered if isinstance(rendered, bytes) else await rendered
        path = self._directory / f"{show(delivery.id)}.eml"
        _write(path, content)
        return path


def _write(path: Path, content: bytes) -> None:
    """Write the file so that it is there whole, or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
