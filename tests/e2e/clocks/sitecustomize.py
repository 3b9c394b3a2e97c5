"""Moves the wall clock of each Python process that finds this on its path, by the seconds that a file names.

The files are in the directory CLOCKS names: one with the process's id for a name, else `all`; asked at each reading.
"""

import os
import time

_real = time.time
_directory = os.environ["CLOCKS"]


def _moved() -> float:
    for name in (str(os.getpid()), "all"):
        try:
            with open(f"{_directory}/{name}") as file:
                return _real() + float(file.read())
        except (OSError, ValueError):
            continue
    return _real()


time.time = _moved
