"""The commands that need no judgement, and the extensions that EHLO offers."""

from __future__ import annotations

from smtpeter.message.status import Reply, refusal
from smtpeter.session.conversation import Conversation
from smtpeter.smtp.syntax import parse_helo


class Commands(Conversation):
    """A conversation that is civil, and does nothing."""

    def extensions(self) -> dict[bytes, list[bytes] | None]:
        """Keywords of EHLO (RFC 5321 4.1.1.1)."""
        limits = self.setup.limits
        offered: dict[bytes, list[bytes] | None] = {
            b"PIPELINING": None,
            b"SIZE": [b"%d" % limits.maximum_size],
            b"8BITMIME": None,
            b"SMTPUTF8": None,
            b"DSN": None,
            b"ENHANCEDSTATUSCODES": None,
            b"CHUNKING": None,
            b"LIMITS": [b"RCPTMAX=%d" % limits.maximum_recipients],  # RFC 9422
        }
        if self.canStartTLS and not self.startedTLS:
            offered[b"STARTTLS"] = None
        if self.startedTLS and self.portal is not None:  # RFC 4954 4: never in clear
            offered[b"AUTH"] = sorted(self.challengers, reverse=True)
        return offered

    def do_HELO(self, argument: str) -> None:  # noqa: N802
        self._hello(argument, extended=False)

    def do_EHLO(self, argument: str) -> None:  # noqa: N802
        self._hello(argument, extended=True)

    def _hello(self, argument: str, *, extended: bool) -> None:
        name = parse_helo(argument)
        self.reset()  # RFC 5321 4.1.4
        self._junk += 1
        self._helo = (name.encode(), self.address.encode())
        self._extended = extended
        lines = [f"{self.setup.hostname} greets {name}"]
        if extended:
            lines.extend(
                b" ".join((keyword, *(values or ()))).decode()
                for keyword, values in self.extensions().items()
            )
        self.say(Reply(250, "", "\n".join(lines)))

    def reset(self) -> None:
        """Forget the transaction; TLS, AUTH and EHLO stay."""
        self._from = None
        self._to = []

    def do_RSET(self, argument: str) -> None:  # noqa: N802
        _expect_nothing(argument)
        self.reset()
        self._junk += 1
        self.say(Reply(250, "2.0.0", "Forgotten"))

    def do_NOOP(self, argument: str) -> None:  # noqa: ARG002, N802
        self._junk += 1
        self.say(Reply(250, "2.0.0", "Ok"))

    def do_VRFY(self, argument: str) -> None:  # noqa: ARG002, N802
        self._junk += 1
        self.say(Reply(252, "2.5.2", "Cannot tell, but will take a message and try"))  # RFC 5321 7.3

    def do_EXPN(self, argument: str) -> None:  # noqa: ARG002, N802
        raise refusal(502, "5.5.1", "No lists here")

    def do_HELP(self, argument: str) -> None:  # noqa: ARG002, N802
        self._junk += 1
        self.say(Reply(214, "2.0.0", "RFC 5321 tells how to speak to this server"))

    def do_QUIT(self, argument: str) -> None:  # noqa: N802
        _expect_nothing(argument)
        self.leave(Reply(221, "2.0.0", f"{self.setup.hostname} says goodbye"))

    def do_UNKNOWN(self, argument: str) -> None:  # noqa: ARG002, N802
        raise refusal(500, "5.5.2", "Command not recognised")


def _expect_nothing(argument: str) -> None:
    if argument:
        raise refusal(501, "5.5.4", "This command takes no argument")
