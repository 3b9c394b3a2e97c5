"""The README's first command on a fresh checkout, and what it prints to try: run word by word."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.kit.daemon import ROOT
from tests.kit.debian import MADE
from tests.kit.loopback import answers, until
from tests.kit.manual import blocks
from tests.kit.peers import absent, program

# Minutes: it installs all that the project needs, from PyPI.
pytestmark = pytest.mark.stress

PORTS = (2587, 2465, 8080, 8025)


def test_make_run_becomes_a_server_and_prints_what_to_try(tmp_path: Path) -> None:
    if any(answers(port) for port in PORTS):
        absent(f"one of the ports {PORTS} is in use")
    [block] = [block for block in blocks(ROOT / "README.md") if block.kind == "sh"]
    first = block.text.splitlines()[0].partition("#")[0].split()
    assert first == ["make", "run"]
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=MADE, symlinks=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMTPETER")}
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        running = subprocess.Popen(
            [program("make", "make"), "run"],
            cwd=checkout, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: running.poll() is not None or all(map(answers, PORTS)), 900, printed.read_text)
        assert running.poll() is None, printed.read_text()
        identifier = ""
        for line in re.findall(r"(?m)^  (\S.*(?:send\.py|message show|events).*)$", printed.read_text()):
            ended = subprocess.run(
                ["sh", "-c", re.sub(r"\bID\b", identifier, line.partition(" #")[0])],
                cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert ended.returncode == 0, f"{line}\n{ended.stdout}{ended.stderr}"
            if not identifier:
                [identifier] = re.findall(r"(\S+) for <reader@example\.net>", ended.stdout)
        assert identifier
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(60)
