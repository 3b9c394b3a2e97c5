"""npm packages that tests need: installed once, without their scripts, below the user's cache directory.

Where npm or the registry cannot be reached the test is skipped, in CI it fails.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.kit.cache import kept
from tests.kit.peers import absent, program


def installed(package: str) -> Path:
    """The node_modules that holds a package, named with its version."""
    with kept(package) as cache:
        done = cache / "installed"
        if not done.exists():
            npm = [program("npm", "npm"), "install", "--prefix", str(cache)]
            quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
            ended = subprocess.run(
                [*npm, *quiet, package], capture_output=True, text=True, check=False, timeout=180, cwd=cache
            )
            if ended.returncode != 0:
                absent(f"npm cannot install {package}: {ended.stderr.strip()[-300:]}")
            done.touch()
        return cache / "node_modules"
