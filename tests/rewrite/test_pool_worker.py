"""A real worker process: jobs and answers, and the ends it may come to."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from smtpeter.message.edit import Edit, Literal
from smtpeter.message.options import Switches
from smtpeter.rewrite.job import Done, Failed, Frames, Job, decode_answer, frame, read_frame
from smtpeter.rewrite.render import render
from smtpeter.rewrite.settings import Settings, Workers
from smtpeter.rewrite.worker import pipeline
from tests.rewrite.corpus import CLICK, NEWSLETTERS, OPEN, message, newsletter, token

EVERY = Switches(track_clicks=True, track_opens=True, prevent_scam=True, inline_css=True)
CSS = Switches(inline_css=True)
HEADER = (Edit(0, 0, (Literal(b"Received: x\r\n"),)),)
GOOD = message("<style>p{top:0}</style><p>x")


class Worker:
    """One, spoken to from here."""

    def __init__(self, code="", **limits):
        means = json.dumps({"settings": {"click_url": CLICK, "open_url": OPEN}, "limits": limits})
        command = ["-P", "-m", "smtpeter.rewrite.worker", means] if not code else ["-c", code, means]
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [sys.executable, *command], stdin=-1, stdout=-1, stderr=-1, env=environment
        )

    def ask(self, original, switches=CSS, edits=()):
        self.process.stdin.write(frame(Job(original, switches, edits)))
        self.process.stdin.flush()
        data = read_frame(self.process.stdout)
        return data and decode_answer(data)


@pytest.fixture
def start():
    started = []

    def start(*arguments, **limits):
        started.append(Worker(*arguments, **limits))
        return started[-1]

    yield start
    for worker in started:
        process = worker.process
        process.kill()
        process.wait(10)
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()


@pytest.mark.parametrize("path", NEWSLETTERS, ids=lambda path: path.stem)
def test_it_answers_what_the_pipeline_would(start, path):
    worker = start()
    for encoding in ("8bit", "base64"):
        original = message(newsletter(path), encoding=encoding)
        template, report = pipeline(Settings(click_url=CLICK, open_url=OPEN)).prepare(original, EVERY, HEADER)
        answer = worker.ask(original, EVERY, HEADER)

        assert Done(template, report) == answer
        assert b"Received: x" in render(original, answer.template, token)


def test_it_ends_with_its_input(start):
    worker = start()
    assert isinstance(worker.ask(GOOD), Done)
    worker.process.stdin.close()

    assert 0 == worker.process.wait(10)
    assert b"" == worker.process.stderr.read()


def test_signals_to_the_servers_group_do_not_reach_it(start):
    worker = start()
    assert isinstance(worker.ask(GOOD), Done)
    worker.process.send_signal(signal.SIGINT)
    worker.process.send_signal(signal.SIGTERM)

    assert isinstance(worker.ask(GOOD), Done)


@pytest.mark.row(82, 145)
def test_cpu_time_is_counted_for_each_job(start):
    worker = start(cpu_time=0.6)
    begun = time.monotonic()
    while time.monotonic() - begun < 1.5:
        assert isinstance(worker.ask(GOOD), Done)

    slow = (
        "<style>" + "".join(f"p {' '.join(['*'] * 12)} b.x{n} {{top:0}}" for n in range(4_000)) + "</style>"
    )
    assert worker.ask(message(slow + "<div>" * 300 + "<p>" + "<b class=x1>x</b>" * 2_000)) is None
    assert -signal.SIGPROF == worker.process.wait(30)


@pytest.mark.row(147)
def test_conversations_come_first(start):
    worker = start()
    worker.ask(GOOD)
    niceness = os.getpriority(os.PRIO_PROCESS, worker.process.pid)
    assert min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5) == niceness


@pytest.mark.row(82, 145)
def test_memory_has_a_limit(start):
    worker = start(memory=128 * 1024 * 1024)
    with contextlib.suppress(BrokenPipeError):
        answer = worker.ask(message("<p>") + b"x" * 100_000_000)
        assert answer is None or isinstance(answer, Failed)

    assert 0 != worker.process.wait(10)
    assert b"MemoryError" in worker.process.stderr.read()


def test_what_libraries_print_is_not_taken_for_an_answer(start):
    code = (
        "import sys\nfrom smtpeter.rewrite import worker\n"
        "whole = worker.pipeline\n"
        "def loud(settings):\n    print('hello')\n    return whole(settings)\n"
        "worker.pipeline = loud\nworker.main(sys.argv)\n"
    )
    worker = start(code)

    assert isinstance(worker.ask(GOOD), Done)
    worker.process.stdin.close()
    assert b"hello\n" == worker.process.stderr.read()


def test_what_cannot_be_prepared_is_told(start):
    worker = start()
    overlapping = (Edit(0, 5, ()), Edit(3, 8, ()))

    answer = worker.ask(GOOD, CSS, overlapping)

    assert isinstance(answer, Failed)
    assert answer.reason.startswith("ValueError: edit of octets")
    assert isinstance(worker.ask(GOOD), Done)


def test_frames_come_in_any_pieces():
    answers = [Failed("a"), Failed("b" * 300), Failed("")]
    stream = b"".join(map(frame, answers))
    for size in (1, 2, 3, 5, 7, len(stream)):
        frames, found = Frames(), []
        for answer in map(frame, answers):
            for start in range(0, len(answer), size):
                data = frames.add(answer[start : start + size])
                if data is not None:
                    found.append(decode_answer(data))
        assert answers == found


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"workers": 0}, "workers: expected 1 to 64, got 0"),
        ({"cpu_time": 0.0}, "cpu_time: expected"),
        ({"memory": 1}, "memory: expected at least 134217728, got 1"),
    ],
)
def test_limits_that_cannot_work_are_refused(values, problem):
    with pytest.raises(ValueError, match=problem):
        Workers(**values)
