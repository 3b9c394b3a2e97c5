"""What twistd needs: options, and the service they make. The one place that names the reactor."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

from twisted.application.service import IService, MultiService
from twisted.python import usage

from smtpeter import config
from smtpeter.service.server import Smtpeter, load
from smtpeter.service.supervision import Manager, Supervision, on_hangup


class Options(usage.Options):
    """Options of `twistd smtpeter`."""

    synopsis = "[options]"
    optParameters = [  # noqa: RUF012 - Twisted's name and form
        ["config", "c", "/etc/smtpeter/smtpeter.toml", "The configuration file."],
    ]


def makeService(options: Options) -> IService:  # noqa: N802 - Twisted's name
    """The whole server; a configuration that cannot be used ends it with one line and status 1."""
    from twisted.internet import reactor  # noqa: PLC0415 - twistd may install another first

    # The reactor's delays must not follow the wall clock, which an administrator or NTP may set.
    reactor.seconds = time.monotonic  # type: ignore[method-assign]
    file = Path(options["config"]).absolute()
    try:
        settings = load(file)
    except config.Misconfigured as error:
        sys.exit(f"smtpeter: {error}")
    server = Smtpeter(settings, reactor)
    manager = Manager(os.environ, os.getpid())
    supervision = Supervision(manager, reactor, settings, partial(load, file), server.apply)
    if not sys.stdin.isatty():  # there it means that the terminal has gone
        on_hangup(reactor, supervision.reload)
    whole = MultiService()  # starts its services in this order, and stops them in the other
    server.setServiceParent(whole)  # type: ignore[no-untyped-call]
    supervision.setServiceParent(whole)  # type: ignore[no-untyped-call]
    return whole
