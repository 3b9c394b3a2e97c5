"""PLAIN (RFC 4616) and LOGIN as cred credentials: what the client is asked, and how its answers are read.

An answer that no login can have given raises UnauthorizedLogin, like a wrong password; a malformed one a Refusal.
"""

from __future__ import annotations

import hmac
from typing import ClassVar

from twisted.cred.error import UnauthorizedLogin
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import implementer

from smtpeter.message.status import refusal
from smtpeter.session.interface import IAddressedPassword

_LONGEST_USERNAME = 255  # octets: who guesses makes us remember what he tried


class _Password:
    """A username and a password. They stand in no representation, so that no log can have them."""

    address = ""

    def __init__(self) -> None:
        self.username = ""
        self.password = b""

    def checkPassword(self, password: bytes) -> bool:  # noqa: N802 - IUsernamePassword
        return hmac.compare_digest(self.password, password)


@implementer(IAddressedPassword, IChallengeResponse)
class PlainCredentials(_Password):
    """One answer: authorization identity, authentication identity and password, with NUL between them."""

    def getChallenge(self) -> bytes:  # noqa: N802
        return b""

    def setResponse(self, response: bytes) -> None:  # noqa: N802
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise refusal(501, "5.5.2", "Malformed PLAIN response")
        identity, username, self.password = parts
        if identity not in {b"", username}:  # RFC 4616 2: acting for others is not offered
            raise UnauthorizedLogin("authorization identity differs")
        self.username = _text(username)

    def moreChallenges(self) -> bool:  # noqa: N802
        return False


@implementer(IAddressedPassword, IChallengeResponse)
class LoginCredentials(_Password):
    """Two answers: the username, then the password. The questions are those that old clients look for."""

    QUESTIONS: ClassVar = (b"Username:", b"Password:")

    def __init__(self) -> None:
        super().__init__()
        self._answers = 0

    def getChallenge(self) -> bytes:  # noqa: N802
        return self.QUESTIONS[self._answers]

    def setResponse(self, response: bytes) -> None:  # noqa: N802
        if self._answers == 0:
            self.username = _text(response)
        else:
            self.password = response
        self._answers += 1

    def moreChallenges(self) -> bool:  # noqa: N802
        return self._answers < len(self.QUESTIONS)


def _text(username: bytes) -> str:
    try:
        if len(username) <= _LONGEST_USERNAME:
            return username.decode()
    except UnicodeDecodeError:
        pass  # no login has such a name
    raise UnauthorizedLogin("no username")
