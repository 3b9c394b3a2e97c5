"""What figures hold for: the processor, the system, and the versions of the peers."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path


def machine(*peers: str) -> dict[str, str]:
    """`peers`: packages of Debian whose versions count."""
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    about = {
        "processor": f"{os.cpu_count()} x {cpus[0].partition(':')[2].strip() if cpus else platform.machine()}",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }
    for peer in peers:
        asked = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${Version}", peer],
            capture_output=True,
            text=True,
            check=False,
        )
        about[peer] = asked.stdout.strip() or "not installed"
    return about
