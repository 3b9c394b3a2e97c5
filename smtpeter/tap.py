"""What twistd needs: options, and the service they make. The one place that names the reactor.

Run as a program it is one of several workers, with the parent that twistd runs at the other end of its standard input.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from smtpeter import config
from smtpeter.service import worker
from smtpeter.service.prompt import prompt
from smtpeter.service.server import Alone, Smtpeter, load
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


def makeService(options: Options) -> IService:  # noqa: N802 - Twisted's name
    """The whole server; a configuration that cannot be used ends it with one line and status 1."""
    from twisted.internet import reactor  # noqa: PLC0415 - twistd may install another first

    _steady(reactor)
    prompt(reactor)
    try:
        settings = load(Path(options["config"]))
    except config.Misconfigured as error:
        sys.exit(f"smtpeter: {error}")
    if settings.server.workers > 1:
        return Workers(settings, reactor)
    return Smtpeter(settings, reactor, Alone(reactor))


if __name__ == "__main__":  # one of several workers, started by `Workers`
    from twisted.internet import reactor

    _steady(reactor)
    prompt(reactor)
    worker.main(reactor)
