"""Who runs the command: what is written down beside the changes that it makes."""

from __future__ import annotations

import os
import pwd


def user() -> str:
    """The system's user; where it was become with sudo, also who became it."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # in a container, say
        name = f"user {number}"
    before = os.environ.get("SUDO_USER", "")
    is_other = before not in {"", name} and before.isprintable()
    return f"{before} as {name} (command line)" if is_other else f"{name} (command line)"


def machine() -> str:
    """Its name: several may share a store."""
    return os.uname().nodename
