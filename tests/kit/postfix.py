"""A real Postfix (Debian's), in directories of its own, on a loopback port: to receive, to relay, to submit.

It needs root (its master changes users); where it or root is missing the test is skipped, in CI it fails.
It is stopped by its own pid file, and its directories go with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.kit.loopback import answers, free_port, until
from tests.kit.peers import absent, program

DAEMONS = Path("/usr/lib/postfix/sbin")
SERVICES = """\
{listen} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One message in the mailbox: for whom it came, and its content with CRLF line ends, without what Postfix added."""

    return_path: str
    recipient: str
    received: str  # Postfix's own Received field, unfolded
    content: bytes


class Postfix:
    """One instance. `settings` are added to main.cf; `enter` runs in its first process before exec.

    `files`: what else stands beside main.cf, by path.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        address: str = "127.0.0.1",
        port: int | None = None,
        parent: Path | None = None,
        enter: Callable[[], None] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self._postfix = program("postfix", "postfix")
        if os.geteuid() != 0:
            absent("Postfix's master process needs root")
        self.address = address
        self.port = port or free_port(address)
        # Below a directory that Postfix's own users may enter, which pytest's are not.
        self.directory = Path(tempfile.mkdtemp(prefix="postfix-", dir=parent))
        self._enter = enter
        self._settings = settings
        self._files = files or {}

    def __enter__(self) -> Self:
        try:
            self._write()
            started = self._command("start")
            if started.returncode != 0:
                raise AssertionError(f"Postfix did not start: {started.stderr}{self.log()}")
            until(lambda: answers(self.port, self.address), what=self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._command("stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Its master process."""
        return int((self.directory / "queue/pid/master.pid").read_text())

    def log(self) -> str:
        try:
            return (self.directory / "log").read_text(errors="replace")
        except FileNotFoundError:
            return "(no log)"

    def wait(self, recipient: str, within: float = 60.0) -> Stored:
        """The first message in the mailbox for this recipient, once it is there."""

        def found() -> Stored | None:
            return next((stored for stored in self.stored() if stored.recipient == recipient), None)

        stored = until(found, within, lambda: f"nothing for {recipient}\n{self.log()}")
        assert stored
        return stored

    def stored(self) -> list[Stored]:
        """The messages in the mailbox."""
        paths = sorted(
            (self.directory / "mail/inbox/new").glob("*"), key=lambda path: path.stat().st_mtime_ns
        )
        return [_stored(path.read_bytes()) for path in paths]

    def _command(self, verb: str) -> subprocess.CompletedProcess[str]:
        # Not through pipes: the daemons inherit them, and hold them open.
        with (self.directory / "command").open("w+") as said:
            ended = subprocess.run(
                [self._postfix, "-c", self.directory / "etc", verb],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                preexec_fn=self._enter,
                timeout=60,
                check=False,
                cwd="/",
            )
            said.seek(0)
            return subprocess.CompletedProcess(ended.args, ended.returncode, "", said.read())

    def _write(self) -> None:
        directory = self.directory
        directory.chmod(0o755)
        for name in ("etc", "queue", "data", "mail"):
            (directory / name).mkdir(mode=0o755)
        shutil.chown(directory / "data", "postfix", "postfix")
        shutil.chown(directory / "mail", "nobody", "nogroup")
        for name in ("postfix-files", "dynamicmaps.cf"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(Path("/etc/postfix") / name, directory / "etc")
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": f"{directory}/queue",
            "data_directory": f"{directory}/data",
            "daemon_directory": str(DAEMONS),
            "command_directory": "/usr/sbin",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": f"{directory}/log",
            "maillog_file_prefixes": str(directory),
            "inet_interfaces": self.address,
            "inet_protocols": "ipv4",
            "myhostname": "postfix.example",
            "mydestination": "",
            "local_recipient_maps": "",
            "alias_maps": "",
            "alias_database": "",
            "mynetworks": "127.0.0.0/8",
            "local_header_rewrite_clients": "",
            **self._settings,
        }
        main = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (directory / "etc/main.cf").write_text(main)
        (directory / "etc/master.cf").write_text(SERVICES.format(listen=f"{self.address}:{self.port}"))
        for name, text in self._files.items():
            path = directory / "etc" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


def receiving(
    *domains: str, refused: Mapping[str, str] | None = None, tls: tuple[Path, Path] | None = None
) -> dict[str, str]:
    """Settings of a host that takes mail for `domains` into one mailbox; `refused` maps recipients to replies.

    `tls`: certificate and key, readable to Postfix's smtpd when it starts (as root).
    """
    rules = " ".join(f"{{ {address} = {reply} }}" for address, reply in (refused or {}).items())
    settings = {
        "virtual_mailbox_domains": ", ".join(domains),
        "virtual_mailbox_base": "$queue_directory/../mail",
        "virtual_mailbox_maps": "static:inbox/",
        "virtual_uid_maps": "static:65534",
        "virtual_gid_maps": "static:65534",
        "virtual_alias_maps": "",
        "smtpd_recipient_restrictions": f"check_recipient_access inline:{{ {rules or '{ none = DUNNO }'} }}",
        "smtpd_relay_restrictions": "reject_unauth_destination",
    }
    if tls:
        certificate, private_key = tls
        settings |= {
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(certificate),
            "smtpd_tls_key_file": str(private_key),
            "smtpd_tls_received_header": "yes",
        }
    return settings


def relaying(host: str, port: int) -> dict[str, str]:
    """Settings of a host that takes anything from loopback and hands it to `host`."""
    return {"relayhost": f"[{host}]:{port}", "smtpd_relay_restrictions": "permit_mynetworks, reject"}


def submitting(port: int, username: str, password: str, authority: Path) -> dict[str, str]:
    """Settings of a Postfix that is already there: it hands all mail to a smarthost, with a login over STARTTLS."""
    return relaying("127.0.0.1", port) | {
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_password_maps": f"inline:{{ {{ [127.0.0.1]:{port} = {username}:{password} }} }}",
        "smtp_sasl_security_options": "noanonymous",
        "smtp_sasl_tls_security_options": "noanonymous",
        "smtp_tls_security_level": "verify",
        "smtp_tls_verify_cert_match": "localhost",
        "smtp_tls_CAfile": str(authority),
    }


def _stored(octets: bytes) -> Stored:
    """What virtual(8) wrote: Return-Path, X-Original-To, Delivered-To and Received stand above what came by SMTP."""
    added = re.match(
        rb"((?:(?:Return-Path|X-Original-To|Delivered-To): .*\n)+)(Received: .*\n(?:[ \t].*\n)*)", octets
    )
    assert added, octets[:500]
    fields = dict(line.split(": ", 1) for line in added.group(1).decode().splitlines())
    return Stored(
        return_path=fields["Return-Path"].strip("<>"),
        recipient=fields.get("X-Original-To") or fields["Delivered-To"],
        received=" ".join(added.group(2).decode("utf-8", "replace").split()),
        content=octets[added.end() :].replace(b"\n", b"\r\n"),
    )
