"""A small disk that is really full, when it is: a tmpfs of a few megabytes, in a mount namespace of the test's own.

Nobody else sees it, and it is gone with its keeper. Who may not mount (no superuser, no user namespaces) skips the
test, in CI too: no package would help.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import Self

import pytest

from tests.kit.postgresql import PostgreSQL


class SmallDisk:
    """A disk of `megabytes` at `directory`; a context manager. `inside` runs commands that see it."""

    def __init__(self, directory: Path, megabytes: int, owner: int = 0) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        user = () if os.geteuid() == 0 else ("--map-root-user",)
        mount = 'mount -t tmpfs -o "size=$1m,mode=700,uid=$2" tmpfs "$0" && echo mounted && exec cat'
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", *user, "sh", "-c", mount, str(directory), str(megabytes), str(owner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != "mounted\n":
            said = self._keeper.communicate()[1]
            pytest.skip(f"no disk of the test's own: {said}")
        return self

    def __exit__(self, *_: object) -> None:
        self._keeper.communicate()

    @property
    def inside(self) -> list[str]:
        """What comes before a command that shall see it. It keeps its process id, and works in the disk's parent."""
        user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
        enter = ["nsenter", *user, f"--mount=/proc/{self._keeper.pid}/ns/mnt", "--"]
        return [*enter, "env", f"--chdir={self.directory.parent}"]

    @property
    def path(self) -> Path:
        """Where the test itself finds it."""
        return Path(f"/proc/{self._keeper.pid}/root{self.directory}")

    def free(self) -> int:
        """Octets."""
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def leave(self, octets: int) -> None:
        """Fill it until so much is free, or a little less."""
        block = 65_536
        with (self.path / "filler").open("ab") as filler:
            while self.free() > octets:
                try:
                    filler.write(bytes(min(block, max(4096, self.free() - octets))))
                    filler.flush()
                except OSError:
                    break  # it is full

    def empty(self) -> None:
        """Remove what filled it."""
        (self.path / "filler").unlink()


class PostgreSQLOnDisk(PostgreSQL):
    """A PostgreSQL server whose data is on a small disk; its socket is where all see it."""

    def __init__(self, programs: Path, megabytes: int) -> None:
        self._disk: SmallDisk | None = None
        self._megabytes = megabytes
        super().__init__(programs, {"max_wal_size": "64MB", "min_wal_size": "32MB"})

    @property
    def disk(self) -> SmallDisk:
        if self._disk is None:
            owner = self._user.pw_uid if self._user is not None else 0
            self._disk = SmallDisk(self.directory / "data", self._megabytes, owner).__enter__()
        return self._disk

    def _command(self, program, arguments):
        return [*self.disk.inside, *super()._command(program, arguments)]

    def revive(self) -> None:
        """Start it again if it has given up, as its service manager would."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5.0)
            self.start()

    def stop(self) -> None:
        super().stop()
        self.disk.__exit__()
