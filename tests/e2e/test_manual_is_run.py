"""Every block of commands in the manual is run as it stands there, page by page, or its page says why not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.clients import CONTENT
from tests.kit.daemon import ROOT, Daemon
from tests.kit.loopback import free_port
from tests.kit.manual import Block, blocks, pages, settings
from tests.kit.names import StubNames
from tests.kit.peers import program
from tests.kit.sink import Sink

CONFIGURED = {
    "main.cf",
    "sasl_passwd",
    "smtpeter.toml",
}  # here, test_postfix_by_the_manual.py, test_sockets_of_systemd.py
WEB, METRICS = "8025", "9125"  # ports in the manual, in whose place a test has free ones


_SHOWN_ONCE = re.compile(r"(?m)^(password|token) +(\S+)")


def commands(page: Path) -> list[Block]:
    """Those that are run."""
    return [block for block in blocks(page) if (block.kind, block.mark) == ("sh", "run")]


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    return {WEB: str(free_port()), METRICS: str(free_port())}


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    names: StubNames,
    sink: Sink,
    ports: dict[str, str],
) -> Iterator[Daemon]:
    """What the reader has by then: a server that runs, with the listeners that the manual names."""
    sections = "".join(settings("smtpeter.toml", page) for page in ("web", "metrics"))
    for port, free in ports.items():
        sections = sections.replace(port, free)
    relay = {
        "mode": "mx",
        "port": sink.port,
        "nameservers": [names.nameserver],
        "allow_private_addresses": True,
    }
    with Daemon(
        tmp_path_factory.mktemp("server"), authority, relay=relay, **tomllib.loads(sections)
    ) as server:
        yield server


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, server: Daemon) -> dict[str, str]:
    """An environment in which `smtpeter` is ours, and curl trusts the authority of the tests."""
    programs = tmp_path_factory.mktemp("bin")
    (programs / "smtpeter").write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -c "from smtpeter.cli import main; main()" "$@"\n'
    )
    (programs / "curl").write_text(
        f'#!/bin/sh\nexec {program("curl", "curl")} --cacert {server.authority.path} "$@"\n'
    )
    for path in programs.iterdir():
        path.chmod(0o755)
    server.login("--track-clicks", username="newsletters")
    return {
        **os.environ,
        "SMTPETER_CONFIG": str(server.configuration),
        "PATH": f"{programs}:{os.environ['PATH']}",
    }


def test_every_block_of_commands_says_what_becomes_of_it() -> None:
    unsaid = [
        f"{page.name}: {block.text}"
        for page in pages()
        for block in blocks(page)
        if not (block.mark == "run" or (block.mark == "not run" and block.detail) or block.mark in CONFIGURED)
    ]
    assert unsaid == []


@pytest.mark.parametrize("page", [page.name for page in pages() if commands(page)])
def test_commands_of_a_page(
    page: str, server: Daemon, shell: dict[str, str], ports: dict[str, str], tmp_path: Path
) -> None:
    listed = commands(ROOT / "docs/manual" / page)
    (tmp_path / "message.eml").write_bytes(CONTENT.replace(b"\r\n", b"\n"))
    for block in listed:
        text = block.text.replace(":PASSWORD", ':"$PASSWORD"').replace("Bearer TOKEN", "Bearer $TOKEN")
        text = text.replace("smtp://mail.example.com:587", f"smtp://localhost:{server.starttls}")
        for port, free in ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}")
        ended = subprocess.run(
            ["sh", "-ec", text], env=shell, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert int(block.detail or 0) == ended.returncode, f"{text}{ended.stdout}{ended.stderr}"
        assert "Traceback" not in ended.stderr
        # What is shown once the reader puts where the next block says so.
        shell |= {name.upper(): value for name, value in _SHOWN_ONCE.findall(ended.stdout)}


def test_readme_names_targets_that_are_there() -> None:
    """`make run` and `make test` themselves are what this test is run by."""
    lines = [
        line.partition("#")[0].split()
        for block in blocks(ROOT / "README.md")
        if block.kind == "sh"
        for line in block.text.splitlines()
    ]
    assert lines
    for words in lines:
        if words[0] == "make":
            subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)
