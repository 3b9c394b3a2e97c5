"""What this machine gives; light, since every command asks."""

from __future__ import annotations

import os
import secrets
import time

from smtpeter.storage.store import Host

now = time.time  # Unix seconds: this is where the wall clock comes in


def host() -> Host:
    return Host(now, lambda: time.clock_gettime(time.CLOCK_BOOTTIME), secrets.token_bytes, os.statvfs)
