"""Servers that are measured, each started in one way: smtpeter and Postfix here, the other peers in peers.py.

Each takes mail from anybody on 127.0.0.1, and over STARTTLS and AUTH PLAIN from its logins, on one port; keeps it in
its own queue; and relays all of it to one host, in clear. What is not said here is as the server ships it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench.machine import package_version
from bench.record import OURS, SINGLE
from bench.usage import Usage
from smtpeter import __version__
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon, Section
from tests.kit.loopback import answers, free_port, until
from tests.kit.peers import program
from tests.kit.postfix import Postfix

SECRET = "secret"
PROCESSORS = os.cpu_count() or 1
DURABLE = "commit with fsync"
EVERYTHING = ("--track-clicks", "--track-opens", "--prevent-scam", "--inline-css", "--track-bounces")


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs. `logins`: username:password by what they are for; `durable`: what is on disk before the 250.

    `trial`: messages whose rate tells how many a run needs; `sessions`: the most that it bears at a time.
    """

    name: str
    version: str
    durable: str
    port: int
    usage: Usage
    logins: Mapping[str, str] = field(default_factory=dict)
    trial: int = 200
    sessions: int = 100


def smarthost(port: int) -> dict[str, object]:
    """[relay] of a server that hands everything to a host of ours."""
    return {"mode": "smarthost", "smarthost": f"127.0.0.1:{port}", "allow_private_addresses": True}


@contextlib.contextmanager
def daemon(directory: Path, **sections: Section) -> Iterator[Daemon]:
    """smtpeter itself; mail from loopback is that of a login without switches. Its log is told when it fails."""
    directory.mkdir(parents=True, exist_ok=True)
    trusted = {"trusted_networks": {"127.0.0.0/8": "bench"}, **sections.pop("submission", {})}
    made = Daemon(directory / "smtpeter", Authority(directory), submission=trusted, **sections)
    made.login(username="bench")
    try:
        with made:
            wanted = int(str(made.sections["server"].get("workers", 1)))
            # Whoever counts their CPU must find them all.
            until(lambda: wanted == 1 or len(made.workers()) == wanted, what="its workers do not start")
            yield made
    except AssertionError:
        print(made.log()[-4000:], file=sys.stderr)
        raise


@contextlib.contextmanager
def smtpeter(directory: Path, sink: int, name: str = OURS, workers: int = PROCESSORS) -> Iterator[Server]:
    """`workers` processes on one SQLite: as many as there are processors, as the manual advises for much mail."""
    bounces = {"domain": "bounces.sender.example", "listen": [f"tcp:{free_port()}:interface=127.0.0.1"]}
    relay, processes = smarthost(sink), {"workers": workers}
    with daemon(directory, relay=relay, bounces=bounces, server=processes) as server:
        made = {"plain": server.login(), "campaign": server.login(*EVERYTHING)}
        logins = {purpose: f"{login.username}:{login.password}" for purpose, login in made.items()}
        with Usage(server.pid) as usage:
            yield Server(name, __version__, f"{DURABLE}; {_counted(workers)}", server.starttls, usage, logins)


def _counted(workers: int) -> str:
    return "1 process" if workers == 1 else f"{workers} worker processes"


def single(directory: Path, sink: int) -> contextlib.AbstractContextManager[Server]:
    """One process, which is what it is unless told otherwise."""
    return smtpeter(directory, sink, SINGLE, 1)


@contextlib.contextmanager
def relaying(
    name: str, directory: Path, sink: int, *, beside: Sequence[int] = (), **sections: Section
) -> Iterator[Server]:
    """A variant of it, without logins; `beside`: processes that are counted with the server's."""
    with daemon(directory, relay=smarthost(sink), **sections) as server, Usage(server.pid, *beside) as usage:
        yield Server(name, __version__, DURABLE, server.starttls, usage)


@contextlib.contextmanager
def postfix(directory: Path, sink: int) -> Iterator[Server]:
    """As Debian has it; passwords in Cyrus SASL's sasldb."""
    directory.mkdir(parents=True)
    issued = Authority(directory).issue("localhost")
    passwords = directory / "sasldb"
    make = [
        program("saslpasswd2", "sasl2-bin"),
        "-c",
        "-p",
        "-f",
        passwords,
        "-u",
        "postfix.example",
        "bench",
    ]
    subprocess.run(make, input=SECRET.encode(), check=True, capture_output=True)
    shutil.chown(passwords, "postfix")
    settings = {
        "relayhost": f"[127.0.0.1]:{sink}",
        "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, reject",
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_local_domain": "postfix.example",
        "smtpd_tls_auth_only": "yes",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(issued.certificate),
        "smtpd_tls_key_file": str(issued.private_key),
    }
    sasl = f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {passwords}\nmech_list: PLAIN\n"
    with Postfix(settings, files={"sasl/smtpd.conf": sasl}) as server, Usage(server.pid) as usage:
        pair = f"bench:{SECRET}"
        yield Server(
            "postfix",
            package_version("postfix"),
            "queue file with fsync",
            server.port,
            usage,
            {"plain": pair, "campaign": pair},
        )


@contextlib.contextmanager
def floor(directory: Path, sink: int) -> Iterator[Server]:
    """No server that anybody could use: what Twisted and SQLite leave over (see bench/floor.py)."""
    directory.mkdir(parents=True)
    port, issued = free_port(), Authority(directory).issue("localhost")
    arguments = [port, sink, issued.certificate, issued.private_key, directory]
    command = [sys.executable, "-m", "bench.floor", *map(str, arguments)]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: answers(port), what="the floor does not answer")
            with Usage(process.pid) as usage:
                told = f"{DURABLE}; {_counted(PROCESSORS)}"
                pair = f"bench:{SECRET}"
                yield Server("floor", version("twisted"), told, port, usage, {"plain": pair})
        finally:
            process.terminate()
