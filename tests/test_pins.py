"""What `make` installs is pinned, all of it and exactly: what the tests passed with is what others get."""

import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PIN = re.compile(r"([A-Za-z0-9._-]+)==([0-9][^\s;]*)")


def pinned() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = [PIN.fullmatch(line.strip()) for line in lines if line.strip()]
    assert all(pins), "each line is name==version"
    return {canonicalize_name(pin[1]): pin[2] for pin in pins if pin}


def wanted(name: str, extras: frozenset[str], found: dict[str, str]) -> None:
    """Fill `found` with the package and all that it asks for here, by name, in the versions installed."""
    there = distribution(name)
    found[canonicalize_name(name)] = there.version
    for text in there.requires or ():
        one = Requirement(text)
        asked = {"", *extras}
        if one.marker is not None and not any(one.marker.evaluate({"extra": extra}) for extra in asked):
            continue
        if canonicalize_name(one.name) not in found or one.extras:
            wanted(one.name, frozenset(one.extras), found)


def test_everything_installed_is_pinned():
    found: dict[str, str] = {}
    wanted("smtpeter", frozenset({"development"}), found)
    del found["smtpeter"]
    pins = pinned()
    assert {} == {name: version for name, version in found.items() if pins.get(name) != version}


def test_no_package_contradicts_another():
    checked = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, timeout=120, check=False
    )
    assert 0 == checked.returncode, checked.stdout
