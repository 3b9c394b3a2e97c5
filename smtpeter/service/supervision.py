"""What the service manager is told, and asks: systemd's notifications (sd_notify(3)), its watchdog, and reloading.

It is the last of the server's services to start and the first to stop, so that READY=1 is true. A manager that is
not there, or does not listen, costs nothing. A reactor that hangs misses the watchdog's beat, and is restarted.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from smtpeter.config import Misconfigured, Settings

_BEATS = 3  # of the watchdog, in the time that it allows: one may come late


class Manager:
    """The service manager, as the environment names it; `pid` is our own."""

    _log = Logger()

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        allowed = environment.get("WATCHDOG_USEC", "")
        self._is_deaf = False  # told once, not at each beat
        is_ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        self.patience = (
            int(allowed) / 1_000_000 if allowed.isdecimal() and is_ours else 0.0
        )  # seconds; 0: none

    def tell(self, *assignments: str) -> None:
        """One datagram; what cannot be sent at once is not sent."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sending:
            try:
                sending.sendto("\n".join(assignments).encode(), self._address)
            except OSError as error:
                if not self._is_deaf:
                    self._log.warn("the service manager does not listen: {why}", why=str(error))
                self._is_deaf = True
            else:
                self._is_deaf = False


class Supervision(Service):
    """Tells `manager`; on SIGHUP reads the configuration again.

    `load` gives it, `apply` puts to work what can be, and gives the keys it took; both may raise Misconfigured.
    """

    _log = Logger()

    def __init__(
        self,
        manager: Manager,
        clock: IReactorTime,
        settings: Settings,
        load: Callable[[], Settings],
        apply: Callable[[Settings], frozenset[str]],
    ) -> None:
        self._manager = manager
        self._clock = clock
        self._settings = settings
        self._load = load
        self._apply = apply
        self._beat = LoopingCall(manager.tell, "WATCHDOG=1")
        self._beat.clock = clock

    def startService(self) -> None:  # noqa: N802 - Twisted's name
        super().startService()  # type: ignore[no-untyped-call]
        if self._manager.patience:
            self._beat.start(self._manager.patience / _BEATS)
        # Once the reactor runs: only then does somebody answer.
        self._clock.callLater(0, self._manager.tell, "READY=1", f"STATUS={self._settings.server.hostname}")

    def stopService(self) -> None:  # noqa: N802 - Twisted's name
        super().stopService()  # type: ignore[no-untyped-call]
        self._manager.tell("STOPPING=1")  # the beats go on: stopping must not hang either

    def reload(self) -> None:
        """Read the configuration again; one that cannot be used changes nothing."""
        now = int(self._clock.seconds() * 1_000_000)
        self._manager.tell("RELOADING=1", f"MONOTONIC_USEC={now}")
        try:
            self._change(self._load())
        except Misconfigured as error:
            self._log.error(
                "configuration not read anew, the one before stays: {why}", why="; ".join(error.problems)
            )
        self._manager.tell("READY=1")

    def _change(self, read: Settings) -> None:
        taken = self._apply(read)
        changed = set(differences(self._settings, read))
        self._settings = mixed(self._settings, read, taken)
        self._log.info(
            "configuration read anew: {taken}",
            taken=", ".join(sorted(taken & changed)) or "nothing to change",
        )
        if waiting := changed - taken:
            self._log.warn("changed, and counts after a restart: {keys}", keys=", ".join(sorted(waiting)))


def differences(before: Settings, after: Settings) -> Iterator[str]:
    """The keys whose values are not the same, as "relay.retry"."""
    for section in before.__struct_fields__:
        old, new = getattr(before, section), getattr(after, section)
        for key in old.__struct_fields__:
            if getattr(old, key) != getattr(new, key):
                yield f"{section}.{key}"


def mixed(before: Settings, after: Settings, taken: frozenset[str]) -> Settings:
    """`before`, with what `after` has for the keys taken."""
    for section, _, key in (one.partition(".") for one in sorted(taken)):
        part = msgspec.structs.replace(
            getattr(before, section), **{key: getattr(getattr(after, section), key)}
        )
        before = msgspec.structs.replace(before, **{section: part})
    return before


def on_hangup(reactor: Any, reload: Callable[[], None]) -> None:
    """Have SIGHUP do that, in the reactor's own time."""
    signal.signal(signal.SIGHUP, lambda _number, _frame: reactor.callFromThread(reload))
