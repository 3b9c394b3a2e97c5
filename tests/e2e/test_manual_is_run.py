"""Every block of commands in the manual is run as it stands there, page by page, or its page says why not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.clients import CONTENT
from tests.kit.daemon import ROOT, Daemon
from tests.kit.manual import Block, blocks, pages
from tests.kit.names import StubNames
from tests.kit.peers import program
from tests.kit.sink import Sink

CONFIGURED = {"main.cf", "sasl_passwd", "smtpeter.toml"}  # tests/e2e/test_postfix_by_the_manual.py


def commands(page: Path) -> list[Block]:
    """Those that are run."""
    return [block for block in blocks(page) if (block.kind, block.mark) == ("sh", "run")]


@pytest.fixture
def server(tmp_path: Path, authority: Authority, names: StubNames, sink: Sink) -> Iterator[Daemon]:
    """What the reader has by then: a server that runs, and the login `newsletters`."""
    relay = {
        "mode": "mx",
        "port": sink.port,
        "nameservers": [names.nameserver],
        "allow_private_addresses": True,
    }
    with Daemon(tmp_path / "server", authority, relay=relay) as server:
        yield server


@pytest.fixture
def shell(tmp_path: Path, server: Daemon) -> dict[str, str]:
    """An environment in which `smtpeter` is ours, and curl trusts the authority of the tests."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "smtpeter").write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -c "from smtpeter.cli import main; main()" "$@"\n'
    )
    (programs / "curl").write_text(
        f'#!/bin/sh\nexec {program("curl", "curl")} --cacert {server.authority.path} "$@"\n'
    )
    for path in programs.iterdir():
        path.chmod(0o755)
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
def test_commands_of_a_page(page: str, server: Daemon, shell: dict[str, str], tmp_path: Path) -> None:
    listed = commands(ROOT / "docs/manual" / page)
    if not any("login create newsletters" in block.text for block in listed):
        password = server.login("--track-clicks", username="newsletters").password
        shell["PASSWORD"] = password
    (tmp_path / "message.eml").write_bytes(CONTENT.replace(b"\r\n", b"\n"))
    for block in listed:
        text = block.text.replace(":PASSWORD", ':"$PASSWORD"').replace("mail.example.com", "localhost")
        text = re.sub(r"smtp://localhost:587", f"smtp://localhost:{server.starttls}", text)
        ended = subprocess.run(
            ["sh", "-ec", text], env=shell, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert int(block.detail or 0) == ended.returncode, f"{text}{ended.stdout}{ended.stderr}"
        assert "Traceback" not in ended.stderr


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
