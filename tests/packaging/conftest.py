"""The Debian package, built once for all that is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.debian import build


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
