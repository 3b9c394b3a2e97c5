"""What /send and /resend take, as types: requests are validated by them, and the OpenAPI document is made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Identifier = Annotated[
    str, Meta(pattern="^[a-z2-7]{13}$", description="An identifier of a delivery, or of a message.")
]
Text = Annotated[str, Meta(max_length=10_000)]
Mail = Annotated[str, Meta(max_length=320, description="A pure mail address, such as john@example.com.")]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", description="A day in UTC, as 2026-03-20.")]


class Mailbox(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A mail address and the name that is shown with it."""

    address: Mail
    name: Text = ""


# A text may hold several mailboxes, separated by commas, each with or without a name.
Mailboxes = Annotated[str, Meta(max_length=65_536)] | Mailbox | list[Text | Mailbox]


class Unsubscribe(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where a reader leaves the list: List-Unsubscribe (RFC 2369), and with `oneclick` List-Unsubscribe-Post (RFC 8058)."""

    email: Mail = ""
    url: Annotated[str, Meta(max_length=2000)] = ""
    oneclick: bool = False


class Attachment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A file, by its octets in base64 (`data`) or by the URL it is fetched from; `cid` embeds it in the HTML."""

    data: str | None = None
    url: Annotated[str, Meta(max_length=2000)] | None = None
    name: Annotated[str, Meta(max_length=255)] = ""
    type: Annotated[str, Meta(max_length=100)] = ""
    cid: Annotated[str, Meta(max_length=200)] = ""


class Dsn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which reports are wanted (RFC 3461): `notify` is NEVER, or some of SUCCESS, FAILURE and DELAY."""

    notify: Text | list[Text] | None = None
    ret: Literal["FULL", "HDRS"] | None = None
    envid: Annotated[str, Meta(max_length=100)] | None = None
    orcpt: Mail | None = None


class Send(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A message: to whom it goes, and either `mime` or the fields it is made of.

    Switches that are left out are the login's. Without `envelope` no report of failure is sent to anybody.
    """

    recipient: Mail | None = None
    recipients: Text | list[Text] | None = None
    envelope: Mail | None = None

    mime: (
        Annotated[str, Meta(description="A whole message: header fields, an empty line, the body.")] | None
    ) = None
    from_: Text | Mailbox | None = None
    to: Mailboxes | None = None
    cc: Mailboxes | None = None
    bcc: Mailboxes | None = None
    replyto: Mailboxes | None = None
    subject: Text | None = None
    text: str | None = None
    html: str | None = None
    unsubscribe: Unsubscribe | None = None
    extra: Annotated[dict[str, Text], Meta(description="Header fields whose names begin with x-.")] = {}
    headers: Annotated[dict[str, Text], Meta(description="Other header fields, such as In-Reply-To.")] = {}
    attachments: Annotated[list[Attachment], Meta(max_length=100)] = []

    trackclicks: bool | None = None
    trackopens: bool | None = None
    trackbounces: bool | None = None
    preventscam: bool | None = None
    inlinecss: bool | None = None
    tags: Text | list[Text] | None = None
    maxdelivertime: Annotated[str, Meta(description="YYYY-MM-DD hh:mm:ss, UTC.", max_length=30)] | None = None
    images: Literal["default"] | None = None
    dsn: Dsn | None = None


class Resend(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A message that was sent before, by the id of any of its deliveries: it goes to that recipient again."""

    message: Identifier


class Explanation(msgspec.Struct, frozen=True):
    """What would change in a message, and why not: nothing is sent and nothing is kept."""

    switches: list[str]
    report: dict[str, Any]
    diff: list[str]
