"""Ports and waiting for tests on loopback: below the kernel's ephemeral range, never the same one twice in a run."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_given: set[int] = set()
_chance = random.Random()


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nothing listens on: by TCP and by UDP, on this address."""
    while True:
        port = _chance.randrange(20_000, 32_000)
        if port not in _given and _is_free(address, port):
            _given.add(port)
            return port


def _is_free(address: str, port: int) -> bool:
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind((address, port))
    except OSError:
        return False
    return True


def answers(port: int, address: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True


def until(question: Callable[[], T], within: float = 60.0, what: Callable[[], str] | str = "") -> T:
    """Ask until the answer is true, and give it; after `within` seconds fail, with `what` in the error."""
    end = time.monotonic() + within
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            explanation = what() if callable(what) else what
            raise AssertionError(f"not within {within} s: {explanation or question}")
        time.sleep(0.02)
