"""What has been published about TLS with a host, and the terms for a connection that follow. Pure.

DANE stands above MTA-STS (RFC 8461 2), and what the operator set for the site above both where it is "none" or
"opportunistic". Whatever cannot be had defers: no host gets mail on lesser terms. Such a deferral is no sign of how the
host is, whose other domains may ask for less, so it ends in stage PROCESS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from smtpeter.message.status import Reply, Stage
from smtpeter.relay.dane import Proof
from smtpeter.relay.tls import Flaw, Security
from smtpeter.relay.transaction import Ending
from smtpeter.spool.mta_sts import Policy, PolicyMode


@dataclass(frozen=True, slots=True)
class Guard:
    """What is published about one host, for one domain's mail; `obstacle`: that cannot be learnt."""

    dane: Proof | None = None
    policy: Policy | None = None
    obstacle: Ending | None = None


UNGUARDED = Guard()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection must be like. `guard` is as much of what is published as counts.

    `basis` is what asks for more than the operator does, `remark` what a delivery's report says of it.
    `obstacle`: the host must not be used.
    """

    security: Security
    guard: Guard = UNGUARDED
    basis: str = ""
    remark: str = ""
    obstacle: Ending | None = None

    @property
    def is_test(self) -> bool:
        """Whether mail goes as ever, and it is told what would be if it did not (RFC 8461 5)."""
        return (
            not self.basis and self.guard.policy is not None and self.guard.policy.mode is PolicyMode.TESTING
        )

    def tested(self, host: str, doubt: Flaw | None) -> str:
        """The remark on a test, of which `doubt` came."""
        assert self.guard.policy is not None
        if not self.guard.policy.allows(host):
            return f"MTA-STS testing: {host} is not in the policy"
        return "MTA-STS testing: verified" if doubt is None else f"MTA-STS testing: {doubt}"

    def unmet(self, ending: Ending) -> Ending:
        """How a connection ended, told as these terms' doing if it was."""
        if not self.basis or ending.stage not in {Stage.STARTTLS, Stage.HANDSHAKE}:
            return ending
        return ending_by(self.basis, ending.reply.enhanced, ending.reply.text, ending.cause)


def ending_by(basis: str, enhanced: str, text: str, cause: str) -> Ending:
    return Ending(Stage.PROCESS, Reply(451, enhanced, f"{basis}: {text}"), cause)


def terms(guard: Guard, host: str, chosen: Security | None, usual: Security) -> Terms:
    """The terms for `host`; `chosen` is what the operator set for this site, `usual` for all."""
    security = usual if chosen is None else chosen
    if security is Security.NONE or chosen is Security.OPPORTUNISTIC:
        return Terms(security)
    if guard.obstacle is not None:
        return Terms(security, obstacle=guard.obstacle)
    if guard.dane is not None and guard.dane.records:
        return Terms(Security.REQUIRED, replace(guard, policy=None), "DANE", "DANE verified")
    if guard.policy is not None and guard.policy.mode is PolicyMode.ENFORCE:
        return _enforced(guard, guard.policy, host)
    if guard.dane is not None:
        stricter = Security.VERIFIED if security is Security.VERIFIED else Security.REQUIRED
        return Terms(stricter, guard, "DANE", "DANE without a usable TLSA record")
    return Terms(security, guard)


def _enforced(guard: Guard, policy: Policy, host: str) -> Terms:
    if policy.allows(host):
        return Terms(Security.VERIFIED, replace(guard, dane=None), "MTA-STS", "MTA-STS verified")
    told = f"{host} is not among the hosts that the policy of {policy.domain} names"
    return Terms(
        Security.VERIFIED, obstacle=ending_by("MTA-STS", "4.7.0", told, f"{Flaw.FAILED}: mx mismatch")
    )
