"""System calls of a running process that fail as told, by strace: the kernel's own answer, as a failing disk gives it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest


def strace() -> str:
    """Where it is; without it, or without the right to trace, the test is skipped, but not in CI."""
    found = shutil.which("strace")
    if found is None:
        if os.environ.get("CI") == "true":
            raise FileNotFoundError("strace is not installed")
        pytest.skip("strace is not installed")
    return found


@contextlib.contextmanager
def failing(pid: int, calls: str, error: str) -> Iterator[None]:
    """Within, these calls (comma-separated) of all threads of the process end with the error, undone."""
    command = [strace(), "-f", "-p", str(pid), "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "attached" in line, line
        # What it reports must be read, or it would stop.
        with subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL):
            try:
                yield
            finally:
                process.terminate()
