"""Who knows the recipients' domains' policies about TLS, with what it takes to fetch them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import crypto
from twisted.internet.ssl import Certificate, trustRootFromCertificates

from smtpeter.config import Misconfigured, Settings
from smtpeter.relay.mta_sts import Text
from smtpeter.relay.policy_book import PolicyBook, fetch
from smtpeter.relay.resolver import DnsResolver
from smtpeter.relay.settings import Mode
from smtpeter.request.client import Client
from smtpeter.service.host import now
from smtpeter.storage.store import Store

_TIME = 20.0  # seconds that a policy may take to come


def policies(settings: Settings, reactor: Any, store: Store, resolver: DnsResolver) -> PolicyBook | None:
    """None where no policies count. Raises Misconfigured."""
    chosen = settings.relay
    if chosen.mode is not Mode.MX or not chosen.mta_sts:
        return None

    async def addresses(host: str) -> tuple[str, ...]:
        return tuple(map(str, (await resolver.addresses(host)).records))

    client = Client(
        reactor,
        addresses,
        allow_private=chosen.allow_private_addresses,
        time_limit=_TIME,
        trust=_authorities(chosen.certificate_authorities),
    )

    async def fetched(domain: str) -> Text:
        return await fetch(client.request, domain, chosen.mta_sts_port)

    return PolicyBook(resolver, fetched, store.policies, reactor, now)


def _authorities(file: str) -> Any:
    """Those in a PEM file, for optionsForClientTLS; None are the system's. Raises Misconfigured."""
    if not file:
        return None
    try:
        found = x509.load_pem_x509_certificates(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(f"relay.certificate_authorities: {file}: no readable PEM file") from error
    ours = [Certificate(crypto.X509.from_cryptography(one)) for one in found]  # type: ignore[no-untyped-call]
    return trustRootFromCertificates(ours)  # type: ignore[no-untyped-call]
