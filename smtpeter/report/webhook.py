"""What a webhook's request says: the product's variables of each kind, as JSON or as a form, and the signature. Pure.

Signed as Standard Webhooks has it: `webhook-signature` is `v1,` and the base64 of an HMAC-SHA256, keyed with the
secret, over `ID.TIMESTAMP.BODY`, where ID is `webhook-id` (the event's own, the same at every attempt and at a replay)
and TIMESTAMP is `webhook-timestamp`, the Unix time of this attempt. See docs/webhooks.md for a receiver's side.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode

import msgspec

from smtpeter.accounts.webhooks import KINDS, Encoding, Webhook
from smtpeter.journal.columns import columns
from smtpeter.journal.events import Event
from smtpeter.journal.interface import Entry

_NAMES = {kind: name for name, kinds in KINDS.items() for kind in kinds}
_TYPES = {Encoding.JSON: "application/json", Encoding.FORM: "application/x-www-form-urlencoded"}
TEST_ID = "evt_test"

# The product's schedule is not documented; these are ours: seconds after each failure in a row, the last repeats.
RETRY = (5.0, 30.0, 120.0, 300.0, 900.0, 1800.0, 3600.0)
GIVE_UP_AFTER = 5 * 86_400.0  # seconds that an event is tried which its receiver alone refuses


def delay(failures: int) -> float:
    """Seconds until the next attempt after so many failures in a row, at least one."""
    return RETRY[min(failures, len(RETRY)) - 1]


def identifier(cursor: int) -> str:
    """The `webhook-id` of the event at `cursor`."""
    return f"evt_{cursor}"


def request(
    webhook: Webhook, entry: Entry, now: float, mime: str = ""
) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Header fields and body of the request that tells this event; `mime` is the text of what came back."""
    told = variables(entry.event)
    if mime:
        told["mime"] = mime
    return _signed(webhook, identifier(entry.cursor), told, now)


def test_request(webhook: Webhook, now: float) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """A request that tells of nothing, for the operator's test button."""
    return _signed(webhook, TEST_ID, {"type": "test", "time": int(now), "tags": []}, now)


def _signed(
    webhook: Webhook, number: str, told: dict[str, Any], now: float
) -> tuple[tuple[tuple[str, str], ...], bytes]:
    body = encode(webhook.encoding, told)
    timestamp = str(int(now))
    return (
        ("Content-Type", _TYPES[webhook.encoding]),
        ("webhook-id", number),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature(webhook.secret, number, timestamp, body)),
    ), body


def signature(secret: bytes, number: str, timestamp: str, body: bytes) -> str:
    """The value of `webhook-signature`."""
    code = hmac.new(secret, f"{number}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(code.digest()).decode("ascii")


def encode(encoding: Encoding, told: dict[str, Any]) -> bytes:
    """Lists are `name[]=…` in a form; what is not known is left out there, as it is in JSON."""
    if encoding is Encoding.JSON:
        return msgspec.json.encode(told)
    pairs = []
    for name, value in told.items():
        if isinstance(value, list):
            pairs += [(f"{name}[]", str(one)) for one in value]
        else:
            pairs.append((name, str(value)))
    return urlencode(pairs).encode("ascii")


def variables(event: Event) -> dict[str, Any]:
    """What is told of an event, by the product's names."""
    data = columns(event)
    name = _NAMES[event.kind]
    told = {
        "id": data["id"],
        "type": name,
        "timestamp": data["time"],
        "time": int(event.time),
        "recipient": event.recipient,
        **_OWN[name](data),
        "tags": list(event.tags),
    }
    return {key: value for key, value in told.items() if value not in (None, "")}


def _bounce(data: dict[str, Any]) -> dict[str, Any]:
    return {"envelope": data.get("envelope")}


def _failure(data: dict[str, Any]) -> dict[str, Any]:
    return {"action": "failed", "state": data.get("state"), **_answer(data)}


def _delivery(data: dict[str, Any]) -> dict[str, Any]:
    """The host's reply, taken apart: code, enhanced code if there is one, text."""
    code, _, rest = str(data.get("reply", "")).partition(" ")
    extended, _, text = rest.partition(" ")
    if extended.count(".") == 2 and extended.replace(".", "").isdigit():
        return {"code": code, "extended": extended, "description": text}
    return {"code": code, "description": rest}


def _answer(data: dict[str, Any]) -> dict[str, Any]:
    code = data.get("code")
    return {
        "code": str(code) if code else None,
        "extended": data.get("status"),
        "description": data.get("description"),
    }


def _visit(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "ip": data.get("ip"),
        "useragent": _header(data, "user-agent"),
        "referer": _header(data, "referer"),
        "verdict": data.get("verdict"),
        "rule": data.get("rule"),
    }


def _click(data: dict[str, Any]) -> dict[str, Any]:
    return {**_visit(data), "original": data.get("url")}


def _abuse(data: dict[str, Any]) -> dict[str, Any]:
    return {"emailfrom": data.get("emailfrom")}


def _header(data: dict[str, Any], name: str) -> str:
    """A field of the request that made the event."""
    for line in str(data.get("headers", "")).split("\n"):
        field, _, value = line.partition(": ")
        if field.lower() == name:
            return value
    return ""


_OWN = {
    "bounce": _bounce,
    "failure": _failure,
    "delivery": _delivery,
    "click": _click,
    "open": _visit,
    "abuse": _abuse,
}
