"""Regular expressions mean the same in every Python that we run on."""

import re
from pathlib import Path

import pytest

import smtpeter

# A repeated group that gives nothing back comes out wrong in Python before 3.11.5; single characters come out right.
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")
SOURCES = sorted(Path(smtpeter.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("pattern", ["(a|b)*+", "(?:a)++", "(a)?+", "(a){1,2}+"])
def test_possessive_groups_are_told(pattern):
    assert POSSESSIVE_GROUP.search(pattern)


@pytest.mark.parametrize("pattern", ["(a)+", r"\)*+", "[()]*+", "(a*+)"])
def test_and_nothing_else(pattern):
    assert not POSSESSIVE_GROUP.search(pattern)


def test_no_group_is_possessive():
    assert [] == [source.name for source in SOURCES if POSSESSIVE_GROUP.search(source.read_text("utf-8"))]
