"""What a field is called on the page where it is filled in: the API's calls, which judge the forms, have names of theirs."""

from __future__ import annotations

import re

# By the name that the API or the form has for it.
_LABELS = {
    "again": "The same again",
    "age": "Waiting longer than",
    "bounce_domain": "Return paths",
    "click_url": "Links lead to",
    "code": "One-time code",
    "encoding": "Written as",
    "kinds": "Events",
    "new": "New password",
    "open_url": "Images lead to",
    "overlap": "The present one stops",
    "per_day": "Recipients a day",
    "per_hour": "Recipients an hour",
    "scopes": "It may",
    "seconds": "What",
    "senders": "May send as",
    "url": "URL",
    "username": "Name",
}
_ENTRY = re.compile(r"(\w+)\[([0-9]{1,9})\]")


def label(field: str) -> str:
    """Of the field, with the number of the entry, counted from 1, where it takes several; "" of none."""
    entry = _ENTRY.fullmatch(field)
    name = entry[1] if entry else field
    told = _LABELS.get(name) or name[:1].upper() + name[1:].replace("_", " ")
    return f"{told}, entry {int(entry[2]) + 1}" if entry else told
