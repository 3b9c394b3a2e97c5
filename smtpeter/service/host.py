"""What this machine gives and this version can do; light, since every command asks."""

from __future__ import annotations

import os
import secrets
import time

from smtpeter.message.options import Switches
from smtpeter.storage.store import Host

# The switches that this version can obey; the others are refused where someone asks for them.
AVAILABLE = frozenset(Switches.names())

now = time.time  # Unix seconds: this is where the wall clock comes in


def host() -> Host:
    return Host(now, lambda: time.clock_gettime(time.CLOCK_BOOTTIME), secrets.token_bytes, os.statvfs)
