"""What operators ask the DNS about their sender domains: one question after the other, in the caller's thread.

The relay's own resolver never waits and reads what mail needs only; here texts are wanted as they stand in the DNS.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.resolver
from dns.nameserver import Do53Nameserver

from smtpeter.accounts.published import Unanswered
from smtpeter.relay import names
from smtpeter.relay.names import NameServer

PATIENCE = 10.0  # seconds for one question


def name_servers(configured: Sequence[str]) -> tuple[NameServer, ...]:
    """The configuration's, or the system's."""
    try:
        system = Path("/etc/resolv.conf").read_text("ascii", "replace")
    except OSError:
        system = ""
    return names.name_servers(configured, system)


class Dns:
    """Asks the configuration's name servers, or the system's."""

    def __init__(self, nameservers: Sequence[str], patience: float = PATIENCE) -> None:
        self._nameservers = tuple(nameservers)
        self._patience = patience

    def ask(self, name: str, kind: str) -> list[str]:
        """The texts of the records, none where there are none; raises Unanswered."""
        try:
            answer = self._resolver().resolve(f"{name}.", kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise Unanswered(f"{name}: {error}") from error
        return [_text(record) for record in answer]

    def validates(self) -> bool:
        """Whether an answer that is known to be signed is told to be so (RFC 6840 5.8)."""
        try:
            resolver = self._resolver()
            resolver.set_flags(dns.flags.RD | dns.flags.AD)
            answer = resolver.resolve(".", "SOA")
        except (dns.exception.DNSException, OSError):
            return False
        return bool(answer.response.flags & dns.flags.AD)

    def _resolver(self) -> dns.resolver.Resolver:
        """Made for each question: the system's name servers may have changed since the last."""
        made = dns.resolver.Resolver(configure=False)
        made.lifetime = self._patience
        made.nameservers = [Do53Nameserver(*one) for one in name_servers(self._nameservers)]
        return made


def _text(record: Any) -> str:
    """A TXT record's strings joined; another record as in a zone file."""
    strings = getattr(record, "strings", None)
    return record.to_text() if strings is None else b"".join(strings).decode("utf-8", "replace")
