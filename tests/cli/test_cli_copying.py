"""`smtpeter copy-store`, as root: what is made in the store's directory is its owner's."""

import os

import pytest

from smtpeter.cli import copying
from smtpeter.storage.engine import StoreUnusable
from tests.kit.peers import absent

NOBODY = 65534


@pytest.fixture
def copied(monkeypatch):
    """What the copying is called with, and as whom."""
    calls = []

    def copy(source, target, _directory, told):
        calls.append((source, target, os.geteuid(), os.getegid()))
        told("messages", 3)

    monkeypatch.setattr(copying, "copy", copy)
    return calls


def test_root_acts_as_the_owner_of_the_directory(smtpeter, tmp_path, copied):
    if os.geteuid() != 0:
        absent("giving a directory to another user needs root")
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", NOBODY, NOBODY)
    ended = smtpeter("copy-store", "sqlite:///copy.db")
    assert (0, "messages: 3") == (ended.exit_code, ended.output.splitlines()[0])
    assert [("sqlite:///smtpeter.db", "sqlite:///copy.db", NOBODY, NOBODY)] == copied
    assert (0, 0) == (os.geteuid(), os.getegid())


def test_what_cannot_be_copied_is_told_in_one_line(smtpeter, monkeypatch):
    def copy(*_):
        raise StoreUnusable("there is something in it already")

    monkeypatch.setattr(copying, "copy", copy)
    ended = smtpeter("copy-store", "sqlite:///copy.db")
    assert (1, "Error: there is something in it already\n") == (ended.exit_code, ended.output)
