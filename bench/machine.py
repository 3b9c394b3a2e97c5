"""What figures hold for: the processor, the system, the disk's file system, and the versions of the peers."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from pathlib import Path


def machine() -> dict[str, str]:
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processors": f"{os.cpu_count()} x {cpus[0].partition(':')[2].strip() if cpus else platform.machine()}",
        "memory": f"{memory:.0f} GB",
        "file system": _said("stat", "--file-system", "--format=%T", tempfile.gettempdir()),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }


def package_version(package: str) -> str:
    """That of an installed package of Debian."""
    return _said("dpkg-query", "--show", "--showformat=${Version}", package)


def _said(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout.strip() or "unknown"
