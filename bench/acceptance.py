"""Acceptance alone: how many messages are safely kept a second of processor time, beside Postfix and aiosmtpd.

Clients log in over STARTTLS and keep their sessions; only then is measured. All peers run all the time and take
turns; the figures are medians of the repetitions. What each does with a message:

- smtpeter: judged, kept in the store with its deliveries and events, fsync, 250. Its smarthost takes connections and
  says nothing, so that deliveries wait and next to nothing is relayed.
- postfix: smtpd and cleanup, fsync, 250, into the hold queue: the queue manager does nothing.
- postfix-deferring: as it runs in earnest, with defer_transports: the queue manager takes up each message once.
- aiosmtpd: the conversation only; the message is thrown away.

It needs Debian's postfix, sasl2-bin, libsasl2-modules, gcc and libssl-dev, and root for Postfix's master.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.machine import machine
from bench.processes import Usage, busy_seconds
from tests.kit.certificates import Authority, Certificate
from tests.kit.daemon import Daemon
from tests.kit.loopback import answers, free_port, until
from tests.kit.peers import program
from tests.kit.postfix import Postfix

HERE = Path(__file__).parent
LIMIT = 120.0  # seconds that a run may take
WAYS = ("lock-step", "pipelined")
PEERS = ("smtpeter", "postfix", "postfix-deferring", "aiosmtpd")


@dataclass(frozen=True, slots=True)
class Load:
    """`messages` of `octets` over `sessions` that are open already."""

    messages: int
    octets: int
    sessions: int
    way: str

    def __str__(self) -> str:
        return f"{self.messages} messages of {self.octets} octets, {self.sessions} sessions, {self.way}"


@dataclass(frozen=True, slots=True)
class Figures:
    """One run; CPU is that of all the peer's processes."""

    accepted: float  # messages a second
    cpu_ms: float  # a message
    per_cpu: float  # messages a second of CPU
    median_ms: float  # from the first octet of a message to its 250
    others: float  # processors that were busy with something else: what makes a run worth little


COLUMNS = {
    "accepted": "accepted/s",
    "cpu_ms": "CPU ms/message",
    "per_cpu": "messages/CPU s",
    "median_ms": "median ms",
    "others": "others' processors",
}


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    port: int
    login: str  # username:password
    usage: Usage


def main() -> None:
    arguments = _arguments()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smtpeter-bench-")))
        directory.chmod(0o755)  # Postfix reads its certificate and passwords there
        peers = [stack.enter_context(_START[name](directory)) for name in arguments.peers]
        generator = _built(directory)
        loads = [
            Load(arguments.messages, octets, arguments.sessions, way)
            for octets in arguments.octets
            for way in arguments.ways
        ]
        for peer in peers:
            _measure(generator, peer, Load(500, loads[0].octets, 10, WAYS[0]))  # warm up
        results = [(load, _compare(generator, load, peers, arguments.repetitions)) for load in loads]
    about = machine("postfix")
    _print(about, results)
    if arguments.json:
        arguments.json.write_text(json.dumps(_report(about, results), indent=2) + "\n")


def _compare(
    generator: Path, load: Load, peers: Sequence[Peer], repetitions: int
) -> dict[str, list[Figures]]:
    """The figures of each peer, run by run in turn."""
    runs: dict[str, list[Figures]] = {peer.name: [] for peer in peers}
    for number in range(repetitions):
        for peer in peers:
            figures = _measure(generator, peer, load)
            runs[peer.name].append(figures)
            shown = ", ".join(f"{getattr(figures, key):.4g} {title}" for key, title in COLUMNS.items())
            print(f"  {load}, run {number + 1}: {peer.name}: {shown}", file=sys.stderr, flush=True)
    return runs


def _measure(generator: Path, peer: Peer, load: Load) -> Figures:
    """One run; every message must be accepted."""
    counts = map(str, (peer.port, load.sessions, load.messages, load.octets))
    with subprocess.Popen(
        [generator, *counts, load.way, peer.login, str(LIMIT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)  # what the logins leave to do
        load_usage = Usage(process.pid)
        begun, busy = time.monotonic(), busy_seconds()
        cpu, load_cpu = peer.usage.cpu_seconds(), load_usage.cpu_seconds()
        process.stdin.write("\n")
        process.stdin.flush()
        told = json.loads(process.stdout.readline())
        time.sleep(0.3)  # what the peer does behind the last message is its cost too
        cpu, load_cpu = peer.usage.cpu_seconds() - cpu, load_usage.cpu_seconds() - load_cpu
        busy, took = busy_seconds() - busy, time.monotonic() - begun
        process.stdin.close()
        process.wait(60)
    assert told["accepted"] == load.messages, f"{peer.name}: {told}"
    return Figures(
        accepted=load.messages / told["seconds"],
        cpu_ms=cpu / load.messages * 1000,
        per_cpu=load.messages / cpu,
        median_ms=told["median_ms"],
        others=max(0.0, busy - cpu - load_cpu) / took,
    )


def _built(directory: Path) -> Path:
    """The load generator, compiled."""
    built = directory / "load"
    libraries = ("-lssl", "-lcrypto", "-lpthread")
    subprocess.run([program("gcc", "gcc"), "-O2", "-o", built, HERE / "load.c", *libraries], check=True)
    return built


@contextlib.contextmanager
def _smtpeter(directory: Path) -> Iterator[Peer]:
    with _silence() as port:
        daemon = Daemon(
            directory / "smtpeter",
            Authority(directory),
            relay={
                "mode": "smarthost",
                "smarthost": f"127.0.0.1:{port}",
                "smarthost_tls": "none",
                "allow_private_addresses": True,
                "retry": ["4h"],
                "greeting_timeout": "4h",
            },
        )
        login = daemon.login()
        with daemon:
            yield Peer("smtpeter", daemon.starttls, f"{login.username}:{login.password}", Usage(daemon.pid))


@contextlib.contextmanager
def _silence() -> Iterator[int]:
    """The port of a host that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def _postfix(directory: Path) -> Iterator[Peer]:
    settings = {"smtpd_recipient_restrictions": "static:HOLD, permit_sasl_authenticated, reject"}
    with _submission("postfix", directory, settings) as peer:
        yield peer


@contextlib.contextmanager
def _deferring(directory: Path) -> Iterator[Peer]:
    with _submission("postfix-deferring", directory, {"defer_transports": "smtp"}) as peer:
        yield peer


@contextlib.contextmanager
def _submission(name: str, directory: Path, settings: Mapping[str, str]) -> Iterator[Peer]:
    """A Postfix that takes mail from who logs in under TLS."""
    own = directory / name
    own.mkdir()
    issued = Authority(own).issue("localhost")
    passwords = own / "sasldb"  # of Cyrus SASL
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
    subprocess.run(make, input=b"secret", check=True, capture_output=True)
    shutil.chown(passwords, "postfix")
    logins = f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {passwords}\nmech_list: PLAIN\n"
    with Postfix(_asking_for_a_login(issued) | settings, files={"sasl/smtpd.conf": logins}) as postfix:
        yield Peer(name, postfix.port, "bench:secret", Usage(postfix.pid))


def _asking_for_a_login(issued: Certificate) -> dict[str, str]:
    return {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_local_domain": "postfix.example",
        "smtpd_tls_auth_only": "yes",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(issued.certificate),
        "smtpd_tls_key_file": str(issued.private_key),
        "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
        "relayhost": "[127.0.0.1]:9",
    }


@contextlib.contextmanager
def _aiosmtpd(directory: Path) -> Iterator[Peer]:
    own = directory / "aiosmtpd"
    own.mkdir()
    issued = Authority(own).issue("localhost")
    port = free_port()
    words = [str(port), str(issued.certificate), str(issued.private_key), "bench:secret"]
    command = [sys.executable, HERE / "discarding.py", *words]
    # aiosmtpd complains of its own deprecations at each login.
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: answers(port), what="aiosmtpd does not answer")
            yield Peer("aiosmtpd", port, "bench:secret", Usage(process.pid))
        finally:
            process.terminate()


_START = dict(zip(PEERS, (_smtpeter, _postfix, _deferring, _aiosmtpd), strict=True))


def _medians(runs: Sequence[Figures]) -> dict[str, float]:
    return {key: statistics.median(getattr(run, key) for run in runs) for key in COLUMNS}


def _ratios(runs: Mapping[str, Sequence[Figures]]) -> dict[str, float]:
    """smtpeter's messages per second of CPU over each other peer's."""
    medians = {name: _medians(figures)["per_cpu"] for name, figures in runs.items()}
    ours = medians.pop("smtpeter", float("nan"))
    return {name: ours / theirs for name, theirs in medians.items()}


def _print(about: Mapping[str, str], results: Sequence[tuple[Load, dict[str, list[Figures]]]]) -> None:
    print(", ".join(f"{name}: {value}" for name, value in about.items()))
    for load, runs in results:
        repetitions = len(next(iter(runs.values())))
        print(f"\n{load}; medians of {repetitions} runs in turn (least to most)\n")
        print(
            f"| | {' | '.join(COLUMNS.values())} | our messages/CPU s to theirs |\n|---|{'---|' * (len(COLUMNS) + 1)}"
        )
        for name, figures in runs.items():
            cells = [_cell([getattr(run, key) for run in figures]) for key in COLUMNS]
            ratio = _ratios(runs).get(name)
            print(f"| {name} | {' | '.join(cells)} | {'' if ratio is None else f'{ratio:.2f}'} |")


def _cell(values: Sequence[float]) -> str:
    def shown(value: float) -> str:
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"

    return f"{shown(statistics.median(values))} ({shown(min(values))} to {shown(max(values))})"


def _report(about: Mapping[str, str], results: Sequence[tuple[Load, dict[str, list[Figures]]]]) -> object:
    return {
        "machine": about,
        "results": [
            {
                "load": asdict(load),
                "medians": {name: _medians(figures) for name, figures in runs.items()},
                "ratios": _ratios(runs),
                "runs": {name: [asdict(run) for run in figures] for name, figures in runs.items()},
            }
            for load, runs in results
        ],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=4000, help="messages a run (default %(default)s)")
    parser.add_argument("--octets", type=int, nargs="+", default=[2048, 51200], help="sizes of a message")
    parser.add_argument("--sessions", type=int, default=20, help="open sessions (default %(default)s)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each (default %(default)s)")
    parser.add_argument("--json", type=Path, help="write all figures to this file, too")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as reason:
        sys.exit(f"cannot run: {reason}")
