"""What strangers wrote says nothing to a terminal, as JSON neither, and a program reads it as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.accounts.operators import Change
from smtpeter.cli import output
from smtpeter.cli.store import configured, opened

# C1's CSI, which terminals obey as they do ESC [; text turned round; a character of two units of UTF-16 without a shape.
HOSTILE = "\x9b2J\x1b[2J\x7f\u202e\n\U000e0001 ö 👍"


@pytest.mark.parametrize("show", [output.print_json, output.print_line], ids=["json", "line"])
def test_json_obeys_nobody_and_says_the_same(show, capsys):
    @given(st.text() | st.just(HOSTILE))
    def holds(text):
        show({"subject": text})
        said = capsys.readouterr().out
        assert said.replace("\n", "").isprintable()
        assert {"subject": text} == json.loads(said)

    holds()


def test_what_a_program_named_moves_no_cursor_of_who_reads_the_changes(smtpeter, configuration):
    with opened(configured(configuration)) as store:
        store.run(store.operators.record(Change(1.0, "token 7f", "held", f"domain {HOSTILE}", "192.0.2.1")))
    for words in ((), ("--json",)):
        said = smtpeter("operator", "changes", *words).stdout
        assert said.replace("\n", "").isprintable()
        assert "👍" in said
