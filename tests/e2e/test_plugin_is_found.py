"""twistd finds the plugin: from a wheel in an environment of its own, and from the checkout as `make run` sets it up."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.kit.certificates import Authority
from tests.kit.daemon import ROOT, Daemon
from tests.kit.newsletters import newsletter

PROJECT = ("smtpeter", "twisted", "setup.cfg", "pyproject.toml", "LICENSE", "README.md")


def run(*command: str | Path, cwd: Path) -> str:
    ended = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built: building writes beside the sources."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
        elif source.exists():
            shutil.copy(source, copy / name)
    return copy


def environment(directory: Path) -> Path:
    """The Python of a fresh virtual environment that sees our dependencies, but no smtpeter."""
    run(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory.parent)
    python = directory / "bin/python"
    packages = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=directory).strip()
    )
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def install(python: Path, *what: str | Path, cwd: Path) -> None:
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, *what, cwd=cwd)


@pytest.fixture(scope="session")
def from_wheel(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", directory, checkout, cwd=directory)
    [wheel] = directory.glob("smtpeter-*.whl")
    python = environment(directory / "environment")
    install(python, wheel, cwd=directory)
    return python


@pytest.fixture(scope="session")
def from_checkout(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Path:
    directory = tmp_path_factory.mktemp("editable")
    python = environment(directory / "environment")
    install(python, "--config-settings", "editable_mode=compat", "--editable", checkout, cwd=directory)
    return python


@pytest.mark.parametrize("installation", ["from_wheel", "from_checkout"])
def test_server_runs(
    installation: str, request: pytest.FixtureRequest, tmp_path: Path, authority: Authority
) -> None:
    python: Path = request.getfixturevalue(installation)
    where = Path(run(python, "-P", "-c", "import smtpeter; print(smtpeter.__file__)", cwd=tmp_path).strip())
    assert not where.is_relative_to(ROOT)
    assert "smtpeter" in run(python, "-P", "-m", "twisted", "--help", cwd=tmp_path)
    run(python.parent / "smtpeter", "--version", cwd=tmp_path)
    with Daemon(tmp_path / "server", authority, python=python) as server:
        accepted = server.submit(server.login("--track-clicks"), newsletter())
        assert server.wait_for_event("delivery", accepted.id)["host"] == "sandbox"
