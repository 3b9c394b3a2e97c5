"""What a session asks of the room it works for: all judgement lives there.

A session starts with what `Admission` gives its client, or with what the portal gives after AUTH: an
`IMessageDeliveryFactory` (twisted.mail). For each MAIL that makes an IMessageDelivery, which is one transaction:
`validateFrom(helo, origin)` is called once with an Origin, `validateTo(recipient)` for each RCPT with an
envelope.Recipient, and any of the callables it gave is called once, to open the message that is for all of them.
Each may raise, or fail with, a Refusal; anything else that goes wrong is 451 4.3.0 and stands in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.mail.interfaces import IMessageDeliveryFactory, IMessageSMTP
from zope.interface import Attribute

from smtpeter.message.address import Address
from smtpeter.message.status import Reply
from smtpeter.smtp.extensions import MailParameters


@dataclass(frozen=True, slots=True)
class Client:
    """Who speaks: what the Received field and the journal tell of it."""

    helo: str
    address: str  # IP address, "" when the connection has none
    extended: bool  # EHLO rather than HELO
    tls: str  # "TLSv1.3 TLS_AES_256_GCM_SHA384", or ""
    authenticated: bool  # by AUTH
    protocol: str = ""  # what it speaks, when that is not SMTP


@dataclass(frozen=True, slots=True)
class Origin:
    """MAIL: the return path (None is the null return path), its parameters, and who gave them."""

    return_path: Address | None
    parameters: MailParameters
    client: Client


class Admission(Protocol):
    """Who may send without AUTH."""

    def admit(self, address: str, /) -> IMessageDeliveryFactory | None:
        """What a client at this IP address may send by; None: it has to log in first."""


class IContentMessage(IMessageSMTP):
    """A message that takes its content whole."""

    def contentReceived(content: bytes) -> None:  # noqa: N802, N805
        """All of the content, in CRLF lines, as it came. Called once, then eomReceived."""

    def connectionLost() -> None:  # noqa: N802
        """The content will not come."""

    def eomReceived() -> Deferred[Reply]:  # noqa: N802
        """Fires with the reply once the message is safely kept; fails with a Refusal."""


class IAddressedPassword(IUsernamePassword):
    """A username and a password, and the IP address that they came from."""

    username: str  # type: ignore[assignment]  # decoded, where cred has octets
    password: bytes
    address: str = Attribute("IP address of the client, a str; '' when the connection has none")
