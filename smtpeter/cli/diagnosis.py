"""What `smtpeter doctor` looks at. Each look gives findings; one that is not right says what to type, or to publish.

Nothing here changes anything. What cannot be asked is unknown, which is not right either.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from smtpeter.accounts import published
from smtpeter.accounts.model import SenderDomain
from smtpeter.accounts.published import Kind, Record, Server, Unanswered, Verdict
from smtpeter.accounts.spf import Ask
from smtpeter.config import Settings
from smtpeter.relay.settings import Dane, Mode
from smtpeter.storage.store import FLOOR

_DAY = 86400.0
_RENEW_BEFORE = 14 * _DAY  # who renews automatically does so earlier
_VALIDATING = 'apt install unbound; nameservers = ["127.0.0.1:53"] in [relay]'
_ROOM = 16 * FLOOR  # octets: below it is time to look for more disk


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it stands, and what mends it if it is not right."""

    subject: str
    verdict: Verdict
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """How the world is asked. `greet` connects to (address, port) and gives the greeting; raises OSError.

    `validates`: whether the name servers check signatures (DNSSEC); `are_local`: all of them are on this machine.
    """

    ask: Ask
    greet: Callable[[str, int], str]
    now: float  # Unix seconds
    is_synchronised: Callable[[], bool]
    statvfs: Callable[[Path], os.statvfs_result] = os.statvfs
    validates: Callable[[], bool] = lambda: False
    are_local: bool = False


def examine(
    settings: Settings, domains: Sequence[SenderDomain], probe: str, means: Means
) -> Iterator[Finding]:
    """All that needs no store; `probe` is a domain whose MX hosts are tried."""
    yield from way_out(settings, probe, means)
    yield from dane(settings, means)
    yield from own_names(settings, means.ask)
    yield from hosts(settings, means.ask)
    for domain in domains:
        yield from records(settings, domain, means.ask)
    yield from certificates(settings, means.now)
    yield clock(means)
    yield disk(settings, means)
    yield from permissions(settings)


def _right(subject: str, text: str) -> Finding:
    return Finding(subject, Verdict.RIGHT, text)


def _wrong(subject: str, text: str, fix: str) -> Finding:
    return Finding(subject, Verdict.WRONG, text, fix)


# -- the way out -------------------------------------------------------------------------------------------


def way_out(settings: Settings, probe: str, means: Means) -> Iterator[Finding]:
    """Whether anybody answers where mail goes."""
    relay = settings.relay
    if relay.mode is Mode.SANDBOX:
        yield _right("outgoing", "sandbox: nothing leaves this machine")
        return
    if relay.mode is Mode.SMARTHOST:
        host, port = relay.smarthost_address
        yield _greeted("smarthost", [host], port, means, f"look why {host} does not answer on port {port}")
        return
    try:
        found = sorted(means.ask(probe, "MX"), key=lambda text: int(text.split()[0]))
    except Unanswered as error:
        yield Finding(
            "port 25", Verdict.UNKNOWN, str(error), "look at [relay] nameservers, or /etc/resolv.conf"
        )
        return
    hosts = [host for text in found if (host := text.split()[1].rstrip("."))]
    if not hosts:
        fix = "look at [relay] nameservers, or /etc/resolv.conf; or --probe another domain"
        yield Finding("port 25", Verdict.UNKNOWN, f"the DNS names no MX host of {probe}", fix)
        return
    fix = (
        f"ask your provider to open port {relay.port} to the outside, or relay through it: "
        'mode = "smarthost" in [relay]'
    )
    yield _greeted(f"port {relay.port}", hosts[:2], relay.port, means, fix)


def _greeted(subject: str, hosts: Sequence[str], port: int, means: Means, fix: str) -> Finding:
    why = "there is no host to try"
    for host in hosts:
        try:
            greeting = means.greet(_address(host, means.ask), port)
        except (OSError, Unanswered) as error:
            why = f"{host} port {port}: {error}"
            continue
        if greeting.startswith("220"):
            return _right(subject, f"{host} greets us")
        why = f"{host} port {port} says: {greeting[:200]}"
    return _wrong(subject, why, fix)


def _address(host: str, ask: Ask) -> str:
    """The first address of a host; it may be one itself."""
    with contextlib.suppress(ValueError):
        return str(ip_address(host.strip("[]")))
    for kind in ("A", "AAAA"):
        for text in ask(host, kind):
            return text
    raise Unanswered("it has no address")


def dane(settings: Settings, means: Means) -> Iterator[Finding]:
    """Whether TLSA records can count (RFC 7672): asked for in vain is wrong, done without is only told."""
    use = settings.relay.dane
    if settings.relay.mode is not Mode.MX or use is Dane.OFF:
        return
    if use is Dane.AUTO and not means.are_local:
        yield _right("DANE", f"not used: the name servers are not on this machine; {_VALIDATING}")
    elif means.validates():
        yield _right("DANE", "TLSA records count: the name servers validate")
    elif use is Dane.ON:
        yield _wrong("DANE", "the name servers do not validate, so no TLSA record counts", _VALIDATING)
    else:
        yield _right("DANE", f"not used: the name servers do not validate; {_VALIDATING}")


# -- names -------------------------------------------------------------------------------------------------


def own_names(settings: Settings, ask: Ask) -> Iterator[Finding]:
    """Whether the name that EHLO says has addresses, and their PTR records say the same (RFC 5321 4.1.4)."""
    name = settings.server.hostname
    if settings.relay.mode is not Mode.MX:
        return
    if "." not in name.strip("."):
        yield _wrong("HELO", f"{name} is no full name", 'hostname = "mail.example.com" in [server]')
        return
    yield from _named(name, None, ask)
    for address, source in settings.relay.source_addresses.items():
        yield from _named(source if isinstance(source, str) else source.name, address, ask)


def _named(name: str, address: str | None, ask: Ask) -> Iterator[Finding]:
    """`address`: the one that the name must have; None for whichever it has."""
    try:
        found = [text for kind in ("A", "AAAA") for text in ask(name, kind)]
        if not found or (address and ip_address(address) not in map(ip_address, found)):
            wanted = address or "ADDRESS"
            yield _wrong(
                "HELO",
                f"{name} has {'no address' if not found else 'other addresses than ' + wanted}",
                f"publish: {name}. IN {'AAAA' if ':' in wanted else 'A'} {wanted}",
            )
            return
        yield _right("HELO", f"{name} is {', '.join(found)}")
        for each in [address] if address else found:
            yield _pointer(name, each, ask)
    except Unanswered as error:
        yield Finding("HELO", Verdict.UNKNOWN, str(error), "look at [relay] nameservers, or /etc/resolv.conf")


def _pointer(name: str, address: str, ask: Ask) -> Finding:
    reverse = ip_address(address).reverse_pointer
    names = [text.rstrip(".").lower() for text in ask(reverse, "PTR")]
    if name.lower() in names:
        return _right("PTR", f"{address} is {name}")
    told = ", ".join(names) or "nothing"
    return _wrong(
        "PTR", f"{address} is {told}, not {name}", f"have its owner publish: {reverse}. IN PTR {name}."
    )


def hosts(settings: Settings, ask: Ask) -> Iterator[Finding]:
    """The server's own hosts for links and images, and the domain of its return paths."""
    tracking, bounces = settings.tracking, settings.bounces
    for host in dict.fromkeys(
        urlsplit(url).hostname or "" for url in (tracking.click_url, tracking.open_url)
    ):
        if not host:
            continue
        try:
            found = [text for kind in ("A", "AAAA") for text in ask(host, kind)]
        except Unanswered as error:
            yield Finding("tracking", Verdict.UNKNOWN, str(error))
            continue
        if found:
            yield _right("tracking", f"{host} is {', '.join(found)}")
        else:
            own = settings.server.hostname
            points = "A ADDRESS" if host == own else f"CNAME {own}."
            fix = f"publish: {host}. IN {points}"
            yield _wrong("tracking", f"{host} has no address: tracked links lead nowhere", fix)
    if bounces.host:
        record = Record(Kind.BOUNCE, bounces.host, f"10 {settings.server.hostname}", "MX")
        yield _record("bounces", record, settings.server.hostname, ask)


def records(settings: Settings, domain: SenderDomain, ask: Ask) -> Iterator[Finding]:
    """What the DNS should say about a sender domain."""
    tracking = settings.tracking
    clicks, opens = (urlsplit(url).hostname or "" for url in (tracking.click_url, tracking.open_url))
    sender = "" if settings.relay.mode is Mode.SMARTHOST else settings.server.hostname
    server = Server(settings.server.hostname, clicks, opens)
    for record in published.wanted(domain, sender, server):
        yield _record(f"{record.kind} {domain.name}", record, sender, ask)


def _record(subject: str, record: Record, sender: str, ask: Ask) -> Finding:
    judged = published.judge(record, sender, ask)
    if judged.verdict is Verdict.RIGHT:
        return _right(subject, f"{record.name} is right")
    value = " ".join(f'"{one}"' for one in record.strings) if record.type == "TXT" else f"{record.value}."
    text = f"{record.name}: {judged.reason or 'there is no such record'}"
    return Finding(subject, judged.verdict, text, f"publish: {record.name}. IN {record.type} {value}")


# -- the machine -------------------------------------------------------------------------------------------


def certificates(settings: Settings, now: float) -> Iterator[Finding]:
    """Whether they are valid, for how long, and for the server's name."""
    for number, (file, _) in enumerate(settings.tls.pairs()):
        try:
            found = x509.load_pem_x509_certificates(file.read_bytes())[0]
        except (OSError, ValueError) as error:
            yield _wrong("certificate", f"{file}: {error}", "put a PEM file there, or name another in [tls]")
            continue
        left = found.not_valid_after_utc.timestamp() - now
        until = datetime.fromtimestamp(now + left, UTC).date()
        if left < _RENEW_BEFORE or found.not_valid_before_utc.timestamp() > now:
            state = (
                "has expired"
                if left <= 0
                else "is not valid yet"
                if left >= _RENEW_BEFORE
                else "soon expires"
            )
            yield _wrong(
                "certificate",
                f"{file} {state} ({until})",
                "certbot renew, or as you got it; no reload needed",
            )
        elif number == 0 and not _is_for(found, settings.server.hostname):
            fix = f"get one for {settings.server.hostname}"
            yield _wrong("certificate", f"{file} is not for {settings.server.hostname}", fix)
        else:
            yield _right("certificate", f"{file} is valid until {until}")


def _is_for(certificate: x509.Certificate, name: str) -> bool:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    names = {each.lower() for each in extension.value.get_values_for_type(x509.DNSName)}
    return bool({name.lower(), "*." + name.lower().partition(".")[2]} & names)


def clock(means: Means) -> Finding:
    if means.is_synchronised():
        return _right("clock", "it is kept right")
    return _wrong("clock", "nobody keeps it right", "apt install systemd-timesyncd; timedatectl set-ntp true")


def disk(settings: Settings, means: Means) -> Finding:
    directory = settings.data_directory
    try:
        found = means.statvfs(directory)
    except OSError as error:
        return _wrong("disk", f"{directory}: {error.strerror}", f"install -d -m 700 -o smtpeter {directory}")
    free = found.f_bavail * found.f_frsize
    if free >= _ROOM:
        return _right("disk", f"{free >> 20} MB are free")
    what = "new mail is refused" if free < FLOOR else f"below {FLOOR >> 20} MB new mail is refused"
    fix = f"enlarge the disk of {directory}, or shorten content in [retention]"
    return _wrong("disk", f"{free >> 20} MB are free; {what}", fix)


def permissions(settings: Settings) -> Iterator[Finding]:
    """Whether others than the server can read what is secret."""
    secret = [settings.data_directory, *(key for _, key in settings.tls.pairs())]
    if settings.relay.smarthost_password_file:
        secret.append(Path(settings.relay.smarthost_password_file))
    for path in secret:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            yield _wrong(
                "permissions", f"{path}: {error.strerror}", f"ls -ld {path}; look at [tls] and [relay]"
            )
            continue
        # A key's group may read it: that is how several programs share a certificate.
        allowed = stat.S_IRWXU if path.is_dir() else stat.S_IRWXU | stat.S_IRGRP
        if stat.S_IMODE(mode) & ~allowed:
            fix = f"chmod {'700' if path.is_dir() else '640'} {path}"
            yield _wrong("permissions", f"{path}: others may read or write it ({stat.filemode(mode)})", fix)
        else:
            yield _right("permissions", f"{path} is {stat.filemode(mode)}")
