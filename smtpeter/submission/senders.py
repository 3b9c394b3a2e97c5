"""Who may be named as the sender: a login's list of senders."""

from __future__ import annotations

from smtpeter.message.address import Address, AddressSyntax, ascii_domain, parse


def may_send_as(address: Address, senders: tuple[str, ...]) -> bool:
    """Whether the list allows this mailbox: () allows any.

    An entry is an address, a domain (`example.com`), or the subdomains of one (`.example.com`).
    """
    return not senders or any(_matches(address, entry) for entry in senders)


def check_sender(entry: str) -> None:
    """ValueError when the entry is none of the three."""
    if "@" in entry:
        parse(entry, utf8=True)
    else:
        ascii_domain(entry.removeprefix("."))


def _matches(address: Address, entry: str) -> bool:
    try:
        if "@" in entry:
            return parse(entry, utf8=True).key == address.key
        domain = ascii_domain(address.domain)
        if entry.startswith("."):
            return domain.endswith("." + ascii_domain(entry[1:]))
        return domain == ascii_domain(entry)
    except AddressSyntax:
        return False
