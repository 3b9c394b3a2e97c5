"""smtpeter.toml, read into typed settings.

Each room owns its settings type; here they are put together, filled, and judged as a whole. Whatever is wrong
raises Misconfigured, which names of each mistake the file, the key, and what was expected; nothing is guessed and no
key is ignored. Every float in a settings type is a duration in seconds, written as "90s", "5m", "2h" or "1d".
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from smtpeter.journal.events import KINDS
from smtpeter.mistakes import Misconfigured as Misconfigured  # noqa: PLC0414 - so all rooms know it from here
from smtpeter.mistakes import Problems, Table
from smtpeter.relay.settings import Settings as Relay
from smtpeter.returns.settings import Settings as Bounces
from smtpeter.rewrite.settings import Workers
from smtpeter.submission.settings import Settings as Submission
from smtpeter.web.settings import Tracking, Web


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [server]."""

    hostname: str
    data_directory: str
    workers: int = 1
    cpu_affinity: bool = True


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [store]. A SQLite path is relative to data_directory."""

    url: str = "sqlite:///smtpeter.db"


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [tls]: PEM files; several certificates are chosen from by server name (SNI), the first is the default."""

    certificate: str | tuple[str, ...] = ()
    private_key: str | tuple[str, ...] = ()

    def pairs(self) -> tuple[tuple[Path, Path], ...]:
        """Certificate chain and private key, as many as there are."""
        certificates, keys = (
            (value,) if isinstance(value, str) else value for value in (self.certificate, self.private_key)
        )
        if len(certificates) != len(keys):
            raise Misconfigured(
                f"tls.private_key: expected as many files as tls.certificate names ({len(certificates)}), got {len(keys)}"
            )
        return tuple((Path(one), Path(other)) for one, other in zip(certificates, keys, strict=True))


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [retention]: how long what is no longer queued, and who changed what, is kept. Durations are seconds."""

    content: float = 7 * 86400.0
    events: float | dict[str, float] = 90 * 86400.0  # of all kinds, or by kind; others then as "default" says
    returned: float = 30 * 86400.0
    links: float = 365 * 86400.0
    changes: float = 365 * 86400.0

    def __post_init__(self) -> None:
        if isinstance(self.events, dict):
            for kind in self.events:
                if kind not in {*KINDS, "default"}:
                    known = ", ".join(sorted(KINDS))
                    raise ValueError(f"events: {kind!r}: expected one of {known}, or default")

    def of(self, kind: str) -> float:
        """How long events of this kind are kept, seconds."""
        if isinstance(self.events, float):
            return self.events
        return self.events.get(kind, self.events.get("default", 90 * 86400.0))


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [webhooks]."""

    allow_private_addresses: bool = False
    timeout: float = 15.0


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [metrics]: off unless a listener is named."""

    listen: tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    server: Server
    store: Store = Store()
    tls: Tls = Tls()
    submission: Submission = Submission()
    relay: Relay = Relay()
    rewrite: Workers = Workers()
    tracking: Tracking = Tracking()
    web: Web = Web()
    bounces: Bounces = Bounces()
    retention: Retention = Retention()
    webhooks: Webhooks = Webhooks()
    metrics: Metrics = Metrics()

    @property
    def data_directory(self) -> Path:
        return Path(self.server.data_directory)

    @property
    def is_shared(self) -> bool:
        """Whether several processes work on the store, here or on other machines as well."""
        return self.server.workers > 1 or not self.store.url.startswith("sqlite:")


MOST_WORKERS = 64

_CREDENTIALS = "$CREDENTIALS_DIRECTORY"  # systemd.exec(5): where LoadCredential= puts a unit's secrets
_STORES = ("sqlite:", "postgresql:", "postgresql+psycopg:")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhd])")


def load(path: Path) -> Settings:
    """Read and judge the file at `path`; raises Misconfigured, which tells all that is wrong."""
    settings, problems = examined(path)
    if problems:
        raise Misconfigured(*problems)
    return settings


def examined(path: Path) -> tuple[Settings, Problems]:
    """The settings in the file at `path`, as far as they are right, and what is wrong; raises Misconfigured.

    It raises where nothing can be said of the settings: the file cannot be read, or is no TOML.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path}: no valid TOML, what follows was not read: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: cannot be read: {error}") from error
    settings, problems = _examined(document, path.parent.resolve(), os.environ.get(_CREDENTIALS[1:], ""))
    problems.file = f"{path}: "
    return settings, problems


def read(document: Mapping[str, Any], directory: Path, credentials: str = "") -> Settings:
    """Settings from a parsed file; relative paths count from `directory`, $CREDENTIALS_DIRECTORY is `credentials`."""
    settings, problems = _examined(document, directory, credentials)
    if problems:
        raise Misconfigured(*problems)
    return settings


def _examined(document: Mapping[str, Any], directory: Path, credentials: str) -> tuple[Settings, Problems]:
    problems = Problems()
    settings = msgspec.convert(Table(problems, duration).read(document, Settings, ""), Settings)
    for problem in _judge(settings):
        problems.follow(problem)
    return _resolved(settings, directory, credentials), problems


def duration(value: Any, key: str) -> float:
    """Seconds, of a text such as "5m"; raises Misconfigured, which names `key`."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Misconfigured(f'{key}: expected a duration such as "90s", "5m", "2h" or "1d", got {value!r}')
    return float(match[1]) * _UNITS[match[2]]


def _judge(settings: Settings) -> Iterator[str]:
    """What concerns more than one key, or is beyond the types."""
    server = settings.server
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", server.hostname):
        yield f"server.hostname: expected a host name, got {server.hostname!r}"
    if not 1 <= server.workers <= MOST_WORKERS:
        yield f"server.workers: expected a number from 1 to {MOST_WORKERS}, got {server.workers}"
    if not settings.store.url.startswith(_STORES):
        yield "store.url: expected sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
    try:
        pairs = settings.tls.pairs()
    except Misconfigured as error:
        yield str(error)
        return
    if (settings.submission.starttls or settings.submission.implicit_tls) and not pairs:
        yield "tls.certificate: missing: the submission listeners need a certificate and its private_key"
    elif settings.web.tls and not pairs:
        yield "tls.certificate: missing: web.tls needs a certificate and its private_key"


def _resolved(settings: Settings, directory: Path, credentials: str) -> Settings:
    """The settings with absolute paths."""

    def absolute(value: str | tuple[str, ...]) -> tuple[str, ...]:
        return tuple(file(one) for one in ((value,) if isinstance(value, str) else value))

    def file(value: str) -> str:
        # Commands run without the credentials, and most need none: who reads the file tells that it is not there.
        if value.startswith(_CREDENTIALS) and credentials:
            return credentials + value.removeprefix(_CREDENTIALS)
        return str(directory / value) if value else ""

    server = msgspec.structs.replace(
        settings.server, data_directory=str(directory / settings.server.data_directory)
    )
    tls = Tls(certificate=absolute(settings.tls.certificate), private_key=absolute(settings.tls.private_key))
    relay = msgspec.structs.replace(
        settings.relay,
        smarthost_password_file=file(settings.relay.smarthost_password_file),
        certificate_authorities=file(settings.relay.certificate_authorities),
    )
    return msgspec.structs.replace(settings, server=server, tls=tls, relay=relay)
