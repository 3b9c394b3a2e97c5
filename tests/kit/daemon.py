"""The server itself: `twistd -n smtpeter` as a subprocess on loopback, its configuration, its log, its command.

Whatever it logs as a failure fails the test that started it, when it is stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from tests.kit.certificates import Authority
from tests.kit.loopback import answers, free_port, until

ROOT = Path(__file__).resolve().parents[2]
FAILURES = re.compile(r"Traceback \(most recent call last\)|Unhandled [Ee]rror|\bCRITICAL\b")

Section = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Login:
    """A login as the command made it."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The final reply to a submission: its text, and the id of each recipient's delivery."""

    reply: str
    ids: dict[str, str]

    @property
    def id(self) -> str:
        """The only recipient's."""
        [identifier] = self.ids.values()
        return identifier


class Daemon:
    """One server. A context manager that starts and stops it; sections override the defaults key by key.

    Default: both listeners of submission and the tracking door on free ports of 127.0.0.1, a certificate of
    `authority` for localhost, delivery to the sandbox. `python` runs another installation than the tests' own;
    `path` comes before the checkout where Python looks for modules, `environment` is added to the tests' own,
    `inside` comes before each command, as of a `SmallDisk`.
    """

    def __init__(
        self,
        directory: Path,
        authority: Authority,
        *,
        python: Path | None = None,
        path: Sequence[Path] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
        inside: Sequence[str] = (),
        **sections: Section,
    ) -> None:
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.authority = authority
        self.starttls, self.implicit_tls, self.tracking = free_port(), free_port(), free_port()
        # In files of its own: another server may be reading its own just now.
        issued = authority.issue("localhost", "127.0.0.1", directory=directory)
        self.sections: dict[str, dict[str, object]] = {
            "server": {"hostname": "mail.sender.example", "data_directory": "data"},
            "tls": {"certificate": str(issued.certificate), "private_key": str(issued.private_key)},
            "submission": {
                "starttls": [_listen(self.starttls)],
                "implicit_tls": [_listen(self.implicit_tls)],
            },
            "relay": {"mode": "sandbox"},
            "tracking": {
                "click_url": f"http://127.0.0.1:{self.tracking}",
                "open_url": f"http://127.0.0.1:{self.tracking}",
                "listen": [_listen(self.tracking)],
            },
        }
        for name, section in sections.items():
            self.sections.setdefault(name, {}).update(section)
        self.configuration = directory / "smtpeter.toml"
        self._log = directory / "log"
        self._python = python
        self._path = path
        self._more = environment
        self._inside = inside
        self._process: subprocess.Popen[bytes] | None = None
        self.configure()

    def configure(self) -> None:
        """Write `sections` as the configuration."""
        self.configuration.write_text(toml(self.sections), "utf-8")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        status = self.stop()
        if kind is None:
            # Twisted ends by the signal that it was stopped with, once everything is in order.
            assert status in {0, None, -signal.SIGTERM}, f"it ended with status {status}\n{self.log()}"
            assert not FAILURES.search(self.log()), self.log()

    def start(self) -> None:
        """Start it, and wait until all its ports answer.

        A killed predecessor may listen for a moment after its main thread is gone: until the last thread is.
        """
        ports = [int(port) for port in re.findall(r"tcp:(\d+):interface=127", self.configuration.read_text())]
        until(lambda: not any(map(answers, ports)))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("twistd", "-n", "--pidfile=", "smtpeter", "--config", str(self.configuration)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=self._environment(),
            )
        process = self._process

        def is_up() -> bool:
            assert process.poll() is None, f"it ended with status {process.returncode}\n{self.log()}"
            return all(answers(port) for port in ports)

        try:
            until(is_up, 30, self.log)
        except AssertionError:
            self.kill()
            raise

    def stop(self) -> int | None:
        """SIGTERM, and wait for the end; its exit status, None when it did not run."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        process.terminate()
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        process, self._process = self._process, None
        process.kill()
        process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """The process ids of its workers, where it has several."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"smtpeter.tap" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    @property
    def store(self) -> str:
        """The URL of its store."""
        default = f"sqlite:///{self.directory / 'data' / 'smtpeter.db'}"
        return str(self.sections.get("store", {}).get("url", default))

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self._log.read_text("utf-8", "replace")
        return "(no log)"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`twistd -n smtpeter` to its end, in place of `start`: for configurations that cannot be used."""
        return self._run(
            "twistd", "-n", "--pidfile=", "smtpeter", "--config", str(self.configuration), *arguments
        )

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`smtpeter --config FILE …` to its end."""
        return self._run("smtpeter", "--config", str(self.configuration), *arguments, stdin=stdin)

    def cli(self, *arguments: str) -> Any:
        """What `smtpeter --config FILE … --json` prints, parsed; it must succeed."""
        ended = self.command(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def login(self, *switches: str, username: str | None = None) -> Login:
        """A new login, with switches as `--track-clicks`."""
        made = self.cli("login", "create", *([username] if username else []), *switches)
        return Login(made["username"], made["password"])

    def events(self, *options: str) -> list[dict[str, Any]]:
        """The journal: objects with `event` and `data`."""
        listed: list[dict[str, Any]] = self.cli("events", *options)
        return listed

    def story(self, identifier: str, event: str, within: float = 60.0) -> dict[str, Any]:
        """What `message show` tells of a delivery, once it has an event of this kind."""

        def told() -> dict[str, Any] | None:
            story: dict[str, Any] = self.cli("message", "show", identifier)
            return story if event in [each["event"] for each in story["events"]] else None

        story = until(told, within, lambda: f"no {event} of {identifier}\n{self.log()}")
        assert story
        return story

    def wait_for_event(self, kind: str, identifier: str) -> dict[str, Any]:
        """The data of a delivery's first event of a kind, once there is one."""
        events = self.story(identifier, kind)["events"]
        data: dict[str, Any] = next(event["data"] for event in events if event["event"] == kind)
        return data

    def wait_until_idle(self, within: float = 60.0) -> None:
        """Until nothing is queued."""
        until(lambda: self.cli("queue", "list") == [], within, self.log)

    def client(self, *, implicit: bool = False) -> smtplib.SMTP:
        """A connection under TLS, verified, not logged in yet."""
        context = self.authority.client_context()
        if implicit:
            return smtplib.SMTP_SSL("localhost", self.implicit_tls, timeout=30, context=context)
        client = smtplib.SMTP("localhost", self.starttls, timeout=30)
        try:
            client.starttls(context=context)
        except BaseException:
            client.close()
            raise
        return client

    def submit(
        self,
        login: Login,
        content: bytes,
        recipients: Sequence[str] = ("reader@example.net",),
        sender: str = "news@sender.example",
        *,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> Accepted:
        """Submit over STARTTLS; every recipient must be taken."""
        with self.client() as client:
            client.login(login.username, login.password)
            return submit(client, content, recipients, sender, mail_options, rcpt_options)

    def _run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.directory,
            env=self._environment(),
        )

    def _command(self, program: str, *arguments: str) -> list[str]:
        """Programs by their entry points: a checkout that was never installed has no `smtpeter` of its own."""
        entry = {"twistd": "twisted.scripts.twistd:run", "smtpeter": "smtpeter.cli:main"}[program]
        module, _, function = entry.partition(":")
        start = f"import sys; sys.argv[0] = {program!r}; from {module} import {function}; {function}()"
        return [*self._inside, str(self._python or sys.executable), "-P", "-c", start, *arguments]

    def _environment(self) -> dict[str, str]:
        """The checkout is on the path, unless another installation is meant."""
        kept = {
            name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "SMTPETER_CONFIG"}
        }
        if not self._python:
            kept["PYTHONPATH"] = os.pathsep.join(map(str, (*self._path, ROOT)))
        return {**kept, **self._more}


def submit(
    client: smtplib.SMTP,
    content: bytes,
    recipients: Sequence[str] = ("reader@example.net",),
    sender: str = "news@sender.example",
    mail_options: Sequence[str] = (),
    rcpt_options: Sequence[str] = (),
) -> Accepted:
    """One transaction on an authenticated connection; every recipient must be taken."""
    client.ehlo_or_helo_if_needed()
    _expect(client.mail(sender, mail_options))
    for recipient in recipients:
        _expect(client.rcpt(recipient, rcpt_options))
    reply = _expect(client.data(content))
    return Accepted(
        reply,
        {recipient: identifier for identifier, recipient in re.findall(r"(\S+) for <?([^\s>]+)", reply)},
    )


def toml(sections: Mapping[str, Section]) -> str:
    """Sections as TOML: strings, integers, booleans, arrays and one level of inline tables."""
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in section.items())
        for name, section in sections.items()
    )


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def _listen(port: int) -> str:
    return f"tcp:{port}:interface=127.0.0.1"


def _expect(answer: tuple[int, bytes]) -> str:
    code, text = answer
    assert 200 <= code < 300, answer
    return text.decode()
