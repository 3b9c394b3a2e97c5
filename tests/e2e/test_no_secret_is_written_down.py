"""Tokens, sessions, one-time keys, webhooks' secrets, keys that sign: after a whole run they stand only where they are kept.

Whatever the server and its commands wrote is searched: the log, its files for each day, what commands printed, what
was answered, what the process list shows; all but the store itself and what was shown to its owner, once.
"""

from __future__ import annotations

import base64
import http.cookiejar
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from smtpeter.accounts import codes
from smtpeter.accounts.tokens import split
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port
from tests.kit.newsletters import newsletter
from tests.kit.sink import Rule, Sink, Stage

KEPT = ("smtpeter.db", "smtpeter.db-wal", "smtpeter.db-shm")
SECRETS = (
    "SELECT secret FROM token_keys",
    "SELECT private_key FROM signing_keys",
    "SELECT secret FROM webhooks",
)


def spellings(secret: str | bytes) -> set[bytes]:
    """As it is, in hexadecimal, in both alphabets of base64, and as Python shows it."""
    octets = secret.encode() if isinstance(secret, str) else secret
    shown = repr(octets)[2:-1].encode()
    coded = base64.b64encode(octets).rstrip(b"="), base64.urlsafe_b64encode(octets).rstrip(b"=")
    return {octets, octets.hex().encode(), shown, *coded}


class Visitor:
    """Asks the web doors; keeps all that was answered, but for the secrets in their own places."""

    def __init__(self, origin: str) -> None:
        self.jar = http.cookiejar.CookieJar()
        self.said: list[bytes] = []
        self._origin = origin
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )

    def asks(self, path: str, form: dict[str, str] | None = None, **fields: str) -> bytes:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        headers = {name.replace("_", "-"): value for name, value in fields.items()} | {"Origin": self._origin}
        asked = urllib.request.Request(self._origin + path, data, headers)
        try:
            with self._opener.open(asked, timeout=20) as answer:
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        self.said.append(body)
        return body


@pytest.mark.row(68)
@pytest.mark.row(152)
def test_no_secret_is_anywhere_but_where_it_is_kept(prepared: Callable[..., Daemon]) -> None:
    web, metrics = free_port(), free_port()
    with Sink(Rule(Stage.RCPT, "550 5.1.1 No such user", recipient="^gone@")) as sink:
        server = prepared(sink.port)
        server.sections["web"] = {"listen": [f"tcp:{web}:interface=127.0.0.1"]}
        server.sections["webhooks"] = {"allow_private_addresses": True}
        server.sections["metrics"] = {"listen": [f"tcp:{metrics}:interface=127.0.0.1"]}
        server.configure()
        login = server.login("--track-clicks", "--track-opens")
        token = server.cli("token", "create", "--login", login.username)["token"]
        operator = server.cli("operator", "create", "ada")["password"]
        one_time = server.cli("operator", "totp", "ada")["key"]
        hook = server.cli("webhook", "create", f"http://127.0.0.1:{free_port()}/")["secret"]
        server.cli("domain", "add", "sender.example")
        visitor = Visitor(f"http://127.0.0.1:{web}")
        said: list[str] = []
        with server:
            signs_in(visitor, operator, one_time)
            cookies = [cookie.value for cookie in visitor.jar if cookie.value]
            assert cookies
            uses(visitor, token)
            accepted = server.submit(login, newsletter(), ["gone@example.net", "reader@example.net"])
            server.wait_for_event("failure", accepted.ids["gone@example.net"])
            said += commands(server, accepted.ids["gone@example.net"])
            processes = subprocess.run(
                ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True, timeout=20
            )
            said.append(processes.stdout)
            said.append(Path(f"/proc/{server.pid}/environ").read_bytes().decode("utf-8", "replace"))
            monitor = Visitor(f"http://127.0.0.1:{metrics}")
            monitor.asks("/metrics")
            server.signal(1)
        said.append(server.log())
        kept = stored(server)
    key_file = Path(str(server.sections["tls"]["private_key"]))
    private = key_file.read_bytes().splitlines()[1]
    secrets = [token, operator, one_time, hook, hook.removeprefix("whsec_"), *cookies, *kept, private]
    secrets += [login.password, base64.b32decode(one_time), split(token)[1]]
    written = [*(text.encode() for text in said), *visitor.said, *monitor.said]
    written += [message.content for message in sink.messages]
    files = [file for file in server.directory.rglob("*") if file.is_file() and file.name not in KEPT]
    written += [file.read_bytes() for file in files if file != key_file]
    forbidden = set().union(*map(spellings, secrets))
    assert all(len(spelling) >= 8 for spelling in forbidden)
    assert [] == [(spelling, text[:300]) for text in written for spelling in forbidden if spelling in text]
    assert "smtpeter is ready" in server.log()  # so it was the right log


def signs_in(visitor: Visitor, password: str, one_time: str) -> None:
    visitor.asks("/")
    for form in (
        {"name": "ada", "password": "wr0ng-and-long"},
        {"name": "ada", "password": password, "code": "000000"},
    ):
        visitor.asks("/sign-in", form)
    code = codes.code(base64.b32decode(one_time), int(time.time()) // 30)
    visitor.asks("/sign-in", {"name": "ada", "password": password, "code": code})
    for path in ("/", "/messages", "/logins", "/operators", "/changes"):
        visitor.asks(path)


def uses(visitor: Visitor, token: str) -> None:
    for path in ("/v1/events", "/v1/logins", "/v1/nothing", f"/v1/send?access_token={token}", "/v1/webhooks"):
        visitor.asks(path, Authorization=f"Bearer {token}")
        visitor.asks(path, Authorization=f"Bearer {token}x")
        visitor.asks(f"{path}?access_token={token}")


def commands(server: Daemon, identifier: str) -> list[str]:
    """What the commands print that show no secret on purpose."""
    printed = []
    for words in (
        ("message", "show", identifier),
        ("events", "--json"),
        ("login", "list", "--json"),
        ("token", "list", "--json"),
        ("operator", "list", "--json"),
        ("webhook", "list", "--json"),
        ("domain", "list"),
        ("domain", "show", "sender.example"),
        ("check-config",),
        ("token", "create", "--login", "nobody"),
    ):
        ended = server.command(*words)
        printed += [ended.stdout, ended.stderr]
    return printed


def stored(server: Daemon) -> list[bytes]:
    """The keys in the store."""
    engine = create_engine(server.store, poolclass=NullPool)
    found: list[bytes] = []
    with engine.connect() as connection:
        for asked in SECRETS:
            found += [
                bytes(value) if not isinstance(value, str) else value.encode()
                for value in connection.execute(text(asked)).scalars()
            ]
    return found
