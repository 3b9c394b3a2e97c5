"""The Debian package, built and unpacked: what is in it serves. To install it needs more than a test may: test_package.py."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import smtpeter
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.debian import UNIT, run
from tests.kit.loopback import until
from tests.kit.peers import program

STYLED = (
    b"From: news@sender.example\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<style>p{color:red}</style><p>Hello</p>\r\n"
)


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files, below a root that has the python3 and the sh of this machine, and systemd's own units."""
    program("systemd-analyze", "systemd")
    root = tmp_path_factory.mktemp("unpacked")
    run("dpkg-deb", "--extract", package, root)
    shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", dirs_exist_ok=True, symlinks=True)
    (root / "bin").mkdir()
    shutil.copy("/bin/sh", root / "bin/sh")
    (root / "usr/bin/python3").symlink_to("/usr/bin/python3")
    home = root / "usr/lib/smtpeter"
    run(home / "bin/python", "-m", "compileall", "-q", "-j", "2", home / "lib")  # as postinst does
    return root


def field(package: Path, name: str) -> str:
    return run("dpkg-deb", "--field", package, name).strip()


def test_version_is_that_of_the_server(package: Path) -> None:
    assert field(package, "Version") == smtpeter.__version__.replace(".dev", "~dev")


@pytest.mark.stress
def test_nothing_to_complain_of(package: Path) -> None:
    ended = subprocess.run(
        [program("lintian", "lintian"), "--fail-on=error", "--allow-root", package],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout


def test_scripts_of_the_maintainer_can_be_read_by_sh(package: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "--control", package, tmp_path)
    names = {"preinst", "postinst", "prerm", "postrm"}
    scripts = [path for path in tmp_path.iterdir() if path.name in names]
    assert {"postinst", "prerm", "postrm"} <= {path.name for path in scripts}
    for script in scripts:
        run("sh", "-n", script)


def test_operator_owns_the_configuration(package: Path, tmp_path: Path) -> None:
    """Dpkg asks before it takes a new one in place of one that was changed."""
    run("dpkg-deb", "--control", package, tmp_path)
    assert (tmp_path / "conffiles").read_text() == "/etc/smtpeter/smtpeter.toml\n"


@pytest.mark.row(155)
def test_units_are_clean_and_the_service_is_hardened(unpacked: Path) -> None:
    analyze = program("systemd-analyze", "systemd")
    verified = subprocess.run(
        [analyze, f"--root={unpacked}", "--man=no", "verify", UNIT.name, UNIT.with_suffix(".socket").name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = verified.stdout + verified.stderr
    assert [line for line in said.splitlines() if "smtpeter" in line] == []
    told = run(analyze, "security", "--offline=true", "--no-pager", unpacked / str(UNIT).lstrip("/"))
    [exposure] = re.findall(r"Overall exposure level for smtpeter\.service: ([\d.]+)", told)
    assert float(exposure) <= 1.5


def test_what_is_in_it_serves(unpacked: Path, authority: Authority, tmp_path: Path) -> None:
    """Its own python, Twisted and workers; nothing of the checkout."""
    python = unpacked / "usr/lib/smtpeter/bin/python"
    with Daemon(tmp_path / "server", authority, python=python) as server:
        identifier = server.submit(server.login("--inline-css"), STYLED).id
        kept = server.directory / "data/sandbox" / f"{identifier}.eml"
        until(kept.exists, what=server.log)
        assert b'<p style="color:red"' in kept.read_bytes()
