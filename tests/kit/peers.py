"""Real peers that a test needs: found, or the test is skipped with the reason; in CI a missing peer is a failure."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def absent(reason: str) -> NoReturn:
    """The peer is not there: skip, or fail where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def program(name: str, package: str) -> str:
    """The path of a peer's program."""
    found = shutil.which(name, path=PATH)
    if found is None:
        absent(f"{name} is not installed (apt-get install {package})")
    return found
