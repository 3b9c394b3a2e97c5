"""Clients that submit without pause, and remember what was acknowledged: the load under which servers are killed."""

from __future__ import annotations

import hashlib
import smtplib
import threading
import time
from collections.abc import Iterator
from typing import Self

SENDER = "load@sender.example"


def content(recipient: str) -> bytes:
    """Octets that only this recipient's message has: 300 to 4,000 of them, some lines with a leading dot."""
    digest = hashlib.sha256(recipient.encode()).hexdigest()
    lines = [f"Subject: {digest}", f"To: <{recipient}>", "From: <load@sender.example>", ""]
    lines += [
        f"{'.' if int(digest[n], 16) < 2 else ''}{digest[n:]}" for n in range(3 + int(digest[:2], 16) % 60)
    ]
    return "\r\n".join([*lines, ""]).encode()


class Clients:
    """So many sessions at a time at a port of 127.0.0.1, without AUTH and TLS; a context manager.

    `acknowledged`: recipients of messages that got their 250; `sent`: of all that may have been taken; `refused`:
    the codes of all replies that said no.
    """

    def __init__(self, port: int, sessions: int) -> None:
        self.acknowledged: list[str] = []
        self.sent: list[str] = []
        self.refused: list[int] = []
        self._port = port
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._submit, args=(number,), daemon=True) for number in range(sessions)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(60)

    def _submit(self, number: int) -> None:
        recipients = self._recipients(number)
        while not self._ending.is_set():
            try:
                with smtplib.SMTP("127.0.0.1", self._port, timeout=30) as client:
                    for recipient in recipients:
                        self.sent.append(recipient)
                        if client.sendmail(SENDER, [recipient], content(recipient)) == {}:
                            self.acknowledged.append(recipient)
            except (smtplib.SMTPException, OSError) as error:
                self.refused += _codes(error)
                time.sleep(0.02)  # the server is down, or in trouble: soon it is well again

    def _recipients(self, number: int) -> Iterator[str]:
        for count in _counting():
            if self._ending.is_set():
                return
            yield f"load-{number}-{count}@example.net"


def _codes(error: Exception) -> list[int]:
    """What the server said, if it said anything."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _counting() -> Iterator[int]:
    count = 0
    while True:
        yield (count := count + 1)
