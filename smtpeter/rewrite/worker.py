"""A worker process: prepares one message after another, with the rewriters that are too heavy for the server's own.

It reads jobs from standard input and ends with it, so it never outlives the server. A job that takes more CPU time
than it may ends the process (SIGPROF); so does memory beyond its limit, where Python cannot refuse it. The server
sees that, and what to do about it is decided there (`pool`). Here caches live from job to job, and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import sys
from typing import BinaryIO

import cssutils  # type: ignore[import-untyped]
import msgspec

from smtpeter.rewrite.css.inline import Inliner
from smtpeter.rewrite.job import Done, Failed, decode_job, frame, read_frame
from smtpeter.rewrite.pipeline import REWRITERS, Pipeline
from smtpeter.rewrite.settings import Settings, Workers

_NICE = 5  # conversations come first: their process has three times the processor that we have


def pipeline(settings: Settings) -> Pipeline:
    """All rewriters, heavy ones too."""
    return Pipeline(settings, (*REWRITERS, Inliner().rewriter()))


class Means(msgspec.Struct, frozen=True):
    """What a worker is told when it starts."""

    settings: Settings
    limits: Workers


def answer(prepared_by: Pipeline, data: bytes) -> Done | Failed:
    """What comes of one job; whatever goes wrong is an answer too."""
    try:
        job = decode_job(data)
        return Done(*prepared_by.prepare(job.original, job.switches, job.header_edits, job.hosts))
    except Exception as error:  # noqa: BLE001 - the server decides what becomes of the message
        return Failed(f"{type(error).__name__}: {error}"[:500])


def serve(jobs: BinaryIO, answers: BinaryIO, prepared_by: Pipeline, cpu_time: float) -> None:
    """Answer until there are no more jobs; each has `cpu_time` seconds, user and system together."""
    while (data := read_frame(jobs)) is not None:
        signal.setitimer(signal.ITIMER_PROF, cpu_time)
        made = frame(answer(prepared_by, data))
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(made)
        answers.flush()


def main(arguments: list[str]) -> None:
    means = msgspec.json.decode(arguments[1], type=Means)
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # meant for the server, which ends us when it has no more jobs
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # a service manager may forbid it
        os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (means.limits.memory, means.limits.memory))
    cssutils.log.setLevel(logging.CRITICAL)  # it would tell of every declaration that it cannot parse
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to the log, not between the answers
    serve(sys.stdin.buffer, answers, pipeline(means.settings), means.limits.cpu_time)


if __name__ == "__main__":
    main(sys.argv)
