"""System calls of a running process that fail as told, by strace: the kernel's own answer, as a failing disk gives it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

from tests.kit.peers import program


@contextlib.contextmanager
def failing(pid: int, calls: str, error: str) -> Iterator[None]:
    """Within, these calls (comma-separated) of all threads of the process end with the error, undone."""
    command = [
        program("strace", "strace"),
        "-f",
        "-p",
        str(pid),
        "-e",
        f"trace={calls}",
        "-e",
        f"inject={calls}:error={error}",
    ]
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
