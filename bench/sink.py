"""Where all relays deliver to: Postfix's smtp-sink, which counts what arrives and throws it away."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from typing import Self

from bench.usage import Usage
from tests.kit.loopback import answers, free_port, until
from tests.kit.peers import program

COUNTER = re.compile(rb"mesg=(\d+)[ \r\n]")


class CountingSink:
    """smtp-sink on a free port; `count` is how many messages it has taken, `last` when that last changed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.count = 0
        self.last = 0.0

    def __enter__(self) -> Self:
        command = [program("smtp-sink", "postfix"), "-u", "nobody", "-c", f"127.0.0.1:{self.port}", "1000"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until(lambda: answers(self.port), what="smtp-sink does not answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)

    def wait_until_quiet(self) -> None:
        """Until nothing has come for a second, or ten have gone: what a failed run left behind must not count for the next."""
        end = time.monotonic() + 10.0
        while time.monotonic() < min(end, self.last + 1.0):
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        return Usage(self._process.pid).cpu_seconds()

    def _read(self) -> None:
        assert self._process.stdout is not None
        tail = b""
        with self._process.stdout as counters:
            while octets := os.read(counters.fileno(), 1 << 16):
                tail = (tail + octets)[-200:]
                found = COUNTER.findall(tail)
                if found and int(found[-1]) != self.count:
                    self.count, self.last = int(found[-1]), time.monotonic()
                time.sleep(0.005)  # read seldom: the counter must not cost what is measured
