"""Older and other programs' names for what /send takes, brought to ours before anything is judged.

The product's own of 2015, its third-party clients', and nodemailer's, whose JSON is taken as it is. A name of ours beside
an alias of it is refused as unknown, so nothing is dropped in silence.
"""

from __future__ import annotations

import base64
from typing import Any

from smtpeter.web.api.problem import Problem

_FIELDS = {
    "replyTo": "replyto",
    "clicktracking": "trackclicks",
    "openstracking": "trackopens",
    "bouncetracking": "trackbounces",
    "inlinizecss": "inlinecss",
    "raw": "mime",
}
_IN_HEADERS = {
    "inReplyTo": "In-Reply-To",
    "references": "References",
    "messageId": "Message-ID",
    "date": "Date",
}
_ATTACHMENT = {"filename": "name", "content": "data", "contentType": "type", "href": "url", "path": "url"}
_NOT_BUILT = {
    "template": "templates",
    "patch": "templates",
    "data": "personalisation",
}


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """The body with our names; raises Problem for what is not built."""
    for name, what in _NOT_BUILT.items():
        if name in body:
            raise Problem(422, f"{what}: not built in this version", name)
    if body.get("images") == "hosted":
        raise Problem(422, "hosted images: not built in this version", "images")
    renamed = {_FIELDS[name] if _is_alias(name, body) else name: value for name, value in body.items()}
    for name, field in _IN_HEADERS.items():
        if name in renamed and isinstance(renamed.get("headers", {}), dict):
            text = renamed.pop(name)
            joined = " ".join(map(str, text)) if isinstance(text, list) else text
            renamed["headers"] = {**renamed.get("headers", {}), field: joined}
    _envelope(renamed)
    if isinstance(renamed.get("attachments"), list):
        renamed["attachments"] = [_attachment(one) for one in renamed["attachments"]]
    return renamed


def _is_alias(name: str, body: dict[str, Any]) -> bool:
    return name in _FIELDS and _FIELDS[name] not in body


def _envelope(body: dict[str, Any]) -> None:
    """Nodemailer's envelope names return path and recipients."""
    envelope = body.get("envelope")
    if isinstance(envelope, dict) and set(envelope) <= {"from", "to"}:
        body["envelope"] = envelope.get("from") or None
        if "to" in envelope and "recipients" not in body:
            body["recipients"] = envelope["to"]


def _attachment(one: Any) -> Any:
    """Nodemailer's content is text unless it says base64; ours is always base64."""
    if not isinstance(one, dict):
        return one
    encoding = one.get("encoding", "")
    if "content" in one and "data" not in one and isinstance(one["content"], str) and encoding != "base64":
        text = one["content"].encode("utf-8", "replace")
        one = {**one, "content": base64.b64encode(text).decode("ascii")}
    named = {_ATTACHMENT.get(name, name): value for name, value in one.items()}
    if encoding in {"base64", "utf-8", "utf8"}:
        del named["encoding"]
    named.pop("contentDisposition", None)
    return named
