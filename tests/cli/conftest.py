"""The command, run in this process against a store of its own."""

import json

import pytest
from click.testing import CliRunner

from smtpeter.cli import main

CONFIGURATION = """
[server]
hostname = "mail.sender.example"
data_directory = "data"
[relay]
mode = "sandbox"
[tracking]
click_url = "http://localhost:8080"
listen = ["tcp:8080"]
"""


@pytest.fixture
def configuration(tmp_path):
    file = tmp_path / "smtpeter.toml"
    file.write_text(CONFIGURATION)
    return file


@pytest.fixture
def smtpeter(configuration):
    """Run `smtpeter …`; what it ended with."""

    def run(*words, **options):
        return CliRunner().invoke(main, ["--config", str(configuration), *words], **options)

    return run


@pytest.fixture
def listed(smtpeter):
    """Run `smtpeter … --json`, which must succeed; the JSON."""

    def run(*words, **options):
        ended = smtpeter(*words, "--json", **options)
        assert 0 == ended.exit_code, ended.output
        return json.loads(ended.stdout)

    return run
