"""After logins of every kind, good and bad, no password stands anywhere: log, store, DSN, events, process list."""

from __future__ import annotations

import base64
import contextlib
import smtplib
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.daemon import Daemon, Login
from tests.kit.newsletters import newsletter
from tests.kit.sink import Rule, Sink, Stage

CHOSEN = "c0rrect-horse: battery-staple"
WRONG = "wr0ng-but-somebody's-all-the-same"
GONE = "gone@example.net"
LOCKED = 25  # failures from one address until it is locked, and more


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def spellings(login: Login) -> set[bytes]:
    """A password as it might be written down: as it is, and in base64 by itself, and in PLAIN's answer."""
    whole = encoded(f"\0{login.username}\0{login.password}")
    texts = {login.password, encoded(login.password), whole, encoded(login.password).rstrip("="), repr(whole)}
    # The same octets begin at any of three places in a longer base64.
    for shift in range(3):
        inner = encoded(b"\0" * shift + login.password.encode())
        texts.add(inner[4 if shift else 0 :].rstrip("=")[:-1])
    return {text.encode() for text in texts}


@contextlib.contextmanager
def session(server: Daemon, source: str) -> Iterator[smtplib.SMTP]:
    client = smtplib.SMTP("localhost", server.starttls, timeout=30, source_address=(source, 0))
    with client:
        client.starttls(context=server.authority.client_context())
        client.ehlo()
        yield client


def say(client: smtplib.SMTP, *lines: str) -> None:
    """Each line, whatever the answer; a session that is closed is fine, too."""
    with contextlib.suppress(smtplib.SMTPServerDisconnected):
        for line in lines:
            client.putcmd(line)
            client.getreply()


def every_way(server: Daemon, login: Login, number: int) -> None:
    """AUTH right in form, malformed, in the wrong place, in clear, too long; each in a session of its own."""
    user, password = encoded(login.username), encoded(login.password)
    plain = encoded(f"\0{login.username}\0{login.password}")
    dialogues = [
        [f"AUTH PLAIN {plain}", "MAIL FROM:<news@sender.example>", f"AUTH PLAIN {plain}", "RSET", "QUIT"],
        ["AUTH PLAIN", plain],
        ["AUTH LOGIN", user, password],
        [f"AUTH LOGIN {user}", password],
        ["AUTH LOGIN", "*", user, password],  # goes on as if nothing had happened: lines that are no commands
        [f"AUTH PLAIN {plain}!", f"AUTH PLAIN {plain[:-3]}", f"AUTH PLAIN={plain}", f"AUTHPLAIN {plain}"],
        [f"AUTH PLAIN {encoded(login.password)}", f"AUTH PLAIN {encoded('x' + chr(0) + login.password)}"],
        [f"AUTH PLAIN {encoded('admin' + chr(0) + login.username + chr(0) + login.password)}"],
        [f"AUTH CRAM-MD5 {plain}", f"AUTH LOGIN {user} {password}", f"{login.password}", f"PASS {password}"],
        [f"AUTH PLAIN {plain * 400}"],
        [f"MAIL FROM:<news@sender.example> AUTH={password}", f"NOOP {plain}", f"HELP {password}"],
    ]
    for place, lines in enumerate(dialogues):
        with (
            contextlib.suppress(OSError, smtplib.SMTPException),
            session(server, f"127.0.{number}.{place + 1}") as client,
        ):
            say(client, *lines)
    with contextlib.suppress(OSError), smtplib.SMTP("127.0.0.1", server.starttls, timeout=30) as client:
        client.ehlo()
        say(client, f"AUTH PLAIN {plain}", "AUTH LOGIN", user, password)
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", server.implicit_tls), 10) as clear,
    ):
        clear.sendall(f"AUTH PLAIN {plain}\r\n".encode())
        clear.recv(1000)


@pytest.mark.row(68)
def test_nowhere(prepared: Callable[..., Daemon]) -> None:
    refusing = Sink(Rule(Stage.RCPT, "550 5.1.1 No such user", recipient="^gone@"))
    with refusing as sink:
        server = prepared(sink.port)
        server.sections["submission"]["error_delay"] = "0s"
        server.configure()
        generated = server.login()
        made = server.command("login", "create", "chosen", "--password-stdin", stdin=CHOSEN + "\n")
        assert made.returncode == 0, made.stderr
        chosen = Login("chosen", CHOSEN)
        logins = [generated, chosen, Login(generated.username, WRONG), Login("nobody", WRONG)]
        with server:
            for number, login in enumerate(logins, 1):
                every_way(server, login, number)
            for _ in range(LOCKED):
                with (
                    contextlib.suppress(OSError, smtplib.SMTPException),
                    session(server, "127.0.9.9") as client,
                ):
                    client.login("chosen", WRONG)
            said = [made.stdout, made.stderr]
            for login in (generated, chosen):
                accepted = server.submit(login, newsletter(), [GONE, "reader@example.net"])
                server.wait_for_event("failure", accepted.ids[GONE])
                said += [
                    str(server.cli("message", "show", identifier)) for identifier in accepted.ids.values()
                ]
            dsns = [message for message in sink.wait(4) if message.return_path == ""]
            assert len(dsns) == 2
            said += [str(server.events()), str(server.cli("login", "list")), server.log()]
            processes = subprocess.run(
                ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True, timeout=20
            )
            said.append(processes.stdout)
            said += [Path(f"/proc/{server.pid}/environ").read_bytes().decode("utf-8", "replace")]
            written = [*(text.encode() for text in said), *(message.content for message in sink.messages)]
            written += [path.read_bytes() for path in server.directory.rglob("*") if path.is_file()]
    forbidden = set().union(*map(spellings, logins))
    found = [(spelling, text[:200]) for text in written for spelling in forbidden if spelling in text]
    assert [] == found
    assert "login failed for 'nobody'" in server.log()  # so it was the right log
