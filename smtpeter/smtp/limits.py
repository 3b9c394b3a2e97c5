"""The sizes that the conversation keeps to: RFC 5321 4.5.3 where it speaks, our own reasons where it does not.

What a sysadmin may choose (size of a message, number of recipients, times) is not here: those are settings.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Octets unless said otherwise; lines count their CRLF."""

    command_line: int = (
        2048  # RFC 5321 4.5.3.1.4 wants 512, extensions add to it (SMTPUTF8, ORCPT: some 1,100 in all)
    )
    auth_line: int = 12_288  # RFC 4954 4
    endless_line: int = 262_144  # so much of a line over its limit is dropped in patience; then it has no end
    path: int = 256  # RFC 5321 4.5.3.1.3, angle brackets and source route included
    envid: int = 100  # characters as encoded (RFC 3461 4)
    orcpt: int = 500  # characters as encoded (RFC 3461 4)
    text_line: int = 1000  # RFC 5321 4.5.3.1.6; the dot that transparency adds does not count
    reply_line: int = 2048  # RFC 5321 4.5.3.1.5 wants 512; real servers say more, and what is behind is cut
    reply_lines: int = 100  # lines of one reply; the longest honest one, to EHLO, has some twenty


LIMITS = Sizes()
