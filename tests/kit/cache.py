"""What tests fetch once, below the user's cache directory; of several processes that want it, one fetches it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def kept(name: str) -> Iterator[Path]:
    """The directory of that name, for this process alone until the end."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smtpeter-tests"
    directory = cache / name
    directory.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name.replace('/', '_')}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory
