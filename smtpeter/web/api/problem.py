"""What is answered when something is wrong: one shape for all calls.

`{"error": {"message": …, "field": …}}`, with the right status. 400: the request is not as the OpenAPI document has it.
422: it is, and cannot be done. 503: our own trouble, come back later.
"""

from __future__ import annotations

import msgspec

from smtpeter.message.status import Refusal, Reply

_LATER = 30  # seconds after which trouble of ours may be over


class Wrong(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong: for people, where it is in the request, and the enhanced status code (RFC 3463) if there is one."""

    message: str
    field: str = ""
    status: str = ""


class Answered(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    error: Wrong


class Problem(Exception):
    """A request is answered with `status`; `retry_after` in seconds."""

    def __init__(
        self,
        status: int,
        message: str,
        field: str = "",
        *,
        retry_after: int | None = None,
        enhanced: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.answered = Answered(Wrong(message, field, enhanced))
        self.headers = headers
        if retry_after is not None:
            self.headers += ((b"Retry-After", b"%d" % retry_after),)


def of_refusal(refused: Refusal, field: str = "") -> Problem:
    """A refusal of submission, as HTTP has it; its cause stays in our log."""
    reply = refused.reply
    if refused.retry_after is not None:
        return Problem(429, reply.text, retry_after=refused.retry_after, enhanced=reply.enhanced)
    if not reply.is_permanent:
        return trouble(reply.text)
    return Problem(_status(reply), reply.text, field or _FIELDS.get(reply.code, ""), enhanced=reply.enhanced)


def trouble(text: str = "This server cannot do that now, try again later") -> Problem:
    """Temporary, and ours."""
    return Problem(503, text, retry_after=_LATER)


_FIELDS = {553: "envelope"}


def _status(reply: Reply) -> int:
    if reply.enhanced == "5.3.4":
        return 413
    return 403 if reply.enhanced.startswith("5.7.") else 422
