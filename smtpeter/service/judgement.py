"""A configuration judged as far as that can be without starting: its listeners, and the files that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.task import Clock

from smtpeter import config
from smtpeter.config import Misconfigured, Settings
from smtpeter.relay.settings import Mode
from smtpeter.service import rooms
from smtpeter.service.listeners import clashes, expect_socket, is_of_systemd
from smtpeter.session.certificates import unusable


def endpoints(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Each listener: its key in the configuration, and its endpoint string."""
    listed = {
        "submission.starttls": settings.submission.starttls,
        "submission.implicit_tls": settings.submission.implicit_tls,
        "tracking.listen": settings.tracking.listen,
        "metrics.listen": settings.metrics.listen,
        "web.listen": settings.web.listen,
        "web.tls": settings.web.tls,
        "bounces.listen": settings.bounces.listeners,
    }
    return tuple((f"{key}[{n}]", text) for key, texts in listed.items() for n, text in enumerate(texts))


def load(path: Path) -> Settings:
    """The configuration, tried as far as it can be without starting; raises Misconfigured."""
    settings, problems = config.examined(path)
    for problem in _problems(settings):
        problems.follow(problem)
    if problems:
        raise Misconfigured(*problems)
    return settings


def check(settings: Settings) -> None:
    """Raises Misconfigured."""
    if problems := tuple(_problems(settings)):
        raise Misconfigured(*problems)


def _problems(settings: Settings) -> Iterator[str]:
    """What is wrong beyond the file itself."""
    yield from _of_listeners(endpoints(settings))
    if not settings.submission.starttls + settings.submission.implicit_tls:
        yield 'submission.starttls: no listener, here or in implicit_tls; expected one, as ["tcp:587"]'
    yield from _of_files(settings)
    directory = settings.data_directory
    if not directory.parent.is_dir():
        yield f"server.data_directory: {directory.parent}: there is no such directory"
    if directory.exists() and not directory.is_dir():
        yield f"server.data_directory: {directory}: expected a directory"


def _of_listeners(listeners: Iterable[tuple[str, str]]) -> Iterator[str]:
    understood = []
    for key, text in listeners:
        try:
            if is_of_systemd(text):
                expect_socket(key, text)
            else:
                endpoint_of(Clock(), key, text)
            understood.append((key, text))
        except Misconfigured as error:
            yield str(error)
    yield from clashes(understood)


def _of_files(settings: Settings) -> Iterator[str]:
    """Certificates, keys, and what the relay needs."""
    for pair in rooms.pairs(settings):
        yield from unusable(pair)
    for needed in (rooms.contexts, rooms.credentials) if settings.relay.mode is not Mode.SANDBOX else ():
        try:
            needed(settings)
        except Misconfigured as error:
            yield str(error)


def endpoint_of(reactor: Any, key: str, text: str) -> Any:
    """Where this endpoint string listens; raises Misconfigured."""
    try:
        return serverFromString(reactor, text)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, LookupError, OSError) as error:
        if is_of_systemd(text):
            raise Misconfigured(f"{key}: {text!r}: systemd has passed in no such socket") from error
        raise Misconfigured(f'{key}: {text!r}: expected an endpoint such as "tcp:587": {error}') from error
