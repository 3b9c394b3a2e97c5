"""`git send-email`, which is Perl's Net::SMTP: patches arrive as they were made."""

from __future__ import annotations

import subprocess
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.kit.clients import SENDER, run, without_trace
from tests.kit.daemon import Daemon, Login
from tests.kit.loopback import until
from tests.kit.peers import absent, program
from tests.kit.sink import Received, Sink

QUIET = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Jörg",
    "GIT_AUTHOR_EMAIL": SENDER,
    "GIT_COMMITTER_NAME": "Jörg",
    "GIT_COMMITTER_EMAIL": SENDER,
}
TEXTS = ("one\n.\n..\ndéjà vu\n", "two\n.dot\n")


@pytest.fixture
def patches(tmp_path: Path) -> list[Path]:
    """Two patches of a repository, in UTF-8."""
    git = program("git", "git")
    found = subprocess.run([git, "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    if not (Path(found) / "git-send-email").exists():
        absent("git send-email is not installed (apt-get install git-email)")
    work = tmp_path / "work"
    run(git, "init", "--quiet", work, environment=QUIET)
    for number, text in enumerate(TEXTS):
        (work / "file").write_text(text, "utf-8")
        run(git, "add", "file", cwd=work, environment=QUIET)
        run(git, "commit", "--quiet", "-m", f"Änderung {number}", cwd=work, environment=QUIET)
    run(git, "format-patch", "--quiet", "--root", "-o", tmp_path / "patches", cwd=work, environment=QUIET)
    return sorted((tmp_path / "patches").iterdir())


@pytest.mark.row(59)
@pytest.mark.parametrize("encryption", ["tls", "ssl"])
def test_send_email(
    server: Daemon, sink: Sink, login: Login, tmp_path: Path, patches: list[Path], encryption: str
) -> None:
    recipient = f"git-{encryption}@example.net"
    port = server.starttls if encryption == "tls" else server.implicit_tls
    run(
        *(
            program("git", "git"),
            "send-email",
            "--quiet",
            "--confirm=never",
            "--no-thread",
            "--suppress-cc=all",
        ),
        *("--smtp-server=localhost", f"--smtp-server-port={port}", f"--smtp-encryption={encryption}"),
        *(f"--smtp-ssl-cert-path={server.authority.path}", "--smtp-domain=client.example"),
        *(f"--smtp-user={login.username}", f"--smtp-pass={login.password}"),
        *(f"--from=Jörg <{SENDER}>", f"--to={recipient}", "--transfer-encoding=8bit"),
        *map(str, patches),
        cwd=tmp_path,
        environment=QUIET,
    )

    def found() -> list[Received]:
        return [message for message in sink.messages if recipient in message.recipients]

    until(lambda: len(found()) == len(patches), what=sink.transcript)
    messages = found()
    sent = {_subject(path.read_bytes()): path.read_bytes() for path in patches}
    assert set(sent) == {_subject(message.content) for message in messages}
    for message in messages:
        patch = sent[_subject(message.content)]
        assert _body(without_trace(message)).replace(b"\r\n", b"\n") == _body(patch)
    attempts = server.events("--kind", "attempt", "--recipient", recipient)
    assert [event["data"]["login"] for event in attempts] == [login.username] * len(patches)


def _subject(content: bytes) -> str:
    return str(message_from_bytes(content, policy=policy.default)["Subject"])


def _body(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
