"""npm packages that tests need: installed once, without their scripts, below the user's cache directory.

Where npm or the registry cannot be reached the test is skipped, in CI it fails.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.kit.peers import absent, program


def installed(package: str) -> Path:
    """The node_modules that holds a package, named with its version."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smtpeter-tests" / package
    modules = cache / "node_modules"
    done = cache / "installed"
    if not done.exists():
        cache.mkdir(parents=True, exist_ok=True)
        npm = [program("npm", "npm"), "install", "--prefix", str(cache)]
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
        ended = subprocess.run(
            [*npm, *quiet, package], capture_output=True, text=True, check=False, timeout=180, cwd=cache
        )
        if ended.returncode != 0:
            absent(f"npm cannot install {package}: {ended.stderr.strip()[-300:]}")
        done.touch()
    return modules
