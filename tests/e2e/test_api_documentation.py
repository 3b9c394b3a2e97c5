"""The examples of docs/api.md, run as they stand."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port
from tests.kit.peers import PATH, program

EXAMPLES = re.findall(r"```sh\n(.*?)```", (Path(__file__).parents[2] / "docs/api.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[dict[str, str]]:
    program("curl", "curl")
    port = free_port()
    listen = {"listen": [f"tcp:{port}:interface=127.0.0.1"]}
    with Daemon(tmp_path_factory.mktemp("documented"), authority, web=listen) as daemon:
        daemon.login(username="shop")
        yield {
            "URL": f"http://127.0.0.1:{port}/v1",
            "TOKEN": daemon.cli("token", "create", "--login", "shop")["token"],
            "OPERATOR": daemon.cli("token", "create", "--operator")["token"],
            "PATH": PATH,
        }


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_does_what_it_says(environment: dict[str, str], number: int) -> None:
    ended = subprocess.run(
        ["sh", "-ec", EXAMPLES[number].rstrip() + " --fail-with-body --max-time 30"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    answered = json.loads(ended.stdout)
    if "/send" in EXAMPLES[number]:
        assert "john@example.net" in answered.values()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8
