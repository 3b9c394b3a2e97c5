"""Processes that share a SQLite file stand in line for writing."""

import fcntl
import os
import signal
import subprocess
import sys

import pytest

from smtpeter.storage.turns import Turns

TAKER = """
import sys
from pathlib import Path
from smtpeter.storage.turns import Turns
turns = Turns(Path(sys.argv[1]))
print("comes", flush=True)
with turns.taken():
    print("has it", flush=True)
    sys.stdin.readline()
print("is through", flush=True)
sys.stdin.readline()
"""


class Taker:
    """Another process that wants its turn."""

    def __init__(self, directory):
        command = [sys.executable, "-c", TAKER, str(directory)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert "comes" == self.heard()

    def heard(self):
        return self.process.stdout.readline().strip()

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def taker(tmp_path):
    made = []

    def make():
        made.append(Taker(tmp_path))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_one_at_a_time_and_each_in_turn(tmp_path, taker):
    turns = Turns(tmp_path)
    with turns.taken():
        other = taker()
    assert "has it" == other.heard()
    other.go_on()
    with turns.taken():
        assert "is through" == other.heard()


@pytest.mark.row(137)
def test_the_turn_of_a_process_that_is_killed_is_free_again(tmp_path, taker):
    killed = taker()
    assert "has it" == killed.heard()
    killed.end()
    with Turns(tmp_path).taken():
        pass


def test_a_command_leaves_no_files_behind(tmp_path):
    with pytest.raises(FileNotFoundError):
        Turns(tmp_path, stands=False)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.row(145)
@pytest.mark.fault("a process hangs in its turn to write", "others go without after a while")
def test_who_waits_too_long_for_a_process_that_is_stopped_goes_without(tmp_path, taker):
    stopped = taker()
    assert "has it" == stopped.heard()
    stopped.process.send_signal(signal.SIGSTOP)
    turns = Turns(tmp_path, patience=0.1)
    for _ in range(2):
        with turns.taken():
            pass
    stopped.process.send_signal(signal.SIGCONT)
    stopped.go_on()
    assert "is through" == stopped.heard()
    with turns.taken():
        other = taker()
    assert "has it" == other.heard()


def test_a_command_that_waits_keeps_nobody_in_line(tmp_path, taker):
    holder = taker()
    assert "has it" == holder.heard()
    first = os.open(tmp_path / "turn-next", os.O_RDWR)
    with Turns(tmp_path, stands=False, patience=0.0).taken():
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(first)
