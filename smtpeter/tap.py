"""What twistd needs: options, and the service they make. The one place that names the reactor.

Run as a program it is one of several workers, with the parent that twistd runs at the other end of its standard input.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.error import ReactorNotRunning
from twisted.python import usage

from smtpeter import config
from smtpeter.service import worker
from smtpeter.service.judgement import load
from smtpeter.service.prompt import prompt
from smtpeter.service.server import Alone, Smtpeter, complaint
from smtpeter.service.supervision import Manager, Supervision, on_hangup
from smtpeter.service.workers import Workers


class Options(usage.Options):
    """Options of `twistd smtpeter`."""

    synopsis = "[options]"
    optParameters = [  # noqa: RUF012 - Twisted's name and form
        ["config", "c", "/etc/smtpeter/smtpeter.toml", "The configuration file."],
    ]


def _steady(reactor: Any) -> None:
    """The reactor's delays must not follow the wall clock, which an administrator or NTP may set."""
    reactor.seconds = time.monotonic


def _stop_once(reactor: Any) -> None:
    """Being told to stop again, while it stops, is no failure that Twisted need log."""
    stop = reactor.stop

    def again() -> None:
        with suppress(ReactorNotRunning):
            stop()

    reactor.stop = again


def makeService(options: Options) -> IService:  # noqa: N802 - Twisted's name
    """The whole server; a configuration that cannot be used ends it with a line for each mistake and status 1."""
    from twisted.internet import reactor  # noqa: PLC0415 - twistd may install another first

    _steady(reactor)
    _stop_once(reactor)
    prompt(reactor)
    file = Path(options["config"]).absolute()
    try:
        settings = load(file)
    except config.Misconfigured as error:
        sys.exit(complaint(str(error)))
    several = settings.server.workers > 1
    server = Workers(settings, reactor) if several else Smtpeter(settings, reactor, Alone(reactor))
    manager = Manager(os.environ, os.getpid())
    supervision = Supervision(manager, reactor, settings, partial(load, file), server.apply)
    if not sys.stdin.isatty():  # there it means that the terminal has gone
        on_hangup(reactor, supervision.reload)
    whole = MultiService()  # starts its services in this order, and stops them in the other
    server.setServiceParent(whole)  # type: ignore[no-untyped-call]
    supervision.setServiceParent(whole)  # type: ignore[no-untyped-call]
    return whole


if __name__ == "__main__":  # one of several workers, started by `Workers`
    from twisted.internet import reactor

    _steady(reactor)
    _stop_once(reactor)
    prompt(reactor)
    worker.main(reactor)
