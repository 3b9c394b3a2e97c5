"""What an operator should look at now, the worst first, each as a sentence with a place to go to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from smtpeter.accounts.model import Login
from smtpeter.accounts.webhooks import Health, Webhook
from smtpeter.spool.model import Delivery
from smtpeter.spool.sites import SiteSummary
from smtpeter.spool.waiting import Reason

_DAY = 86_400.0  # seconds
_OLD = 4 * 3600.0  # since when a delivery that waits is old
_RENEW_BEFORE = 14 * _DAY
_MANY = 0.1  # of what came to an end
_COUNTS = 20  # below so many a share says nothing
_SITES = 5  # that are named one by one
_LONGEST = 200  # characters of what others said


@dataclass(frozen=True, slots=True)
class Note:
    """`mood` is bad (mail does not leave, or will not) or "" (to be known); `path` may be ""."""

    mood: str
    text: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known at `now`, Unix seconds. `day`: how often each kind happened in the last 24 hours."""

    now: float
    sites: Sequence[SiteSummary]
    held: int  # deliveries
    oldest: Sequence[Delivery]  # some of what waits and is not held, the first accepted
    webhooks: Sequence[tuple[Webhook, Health]]
    certificates: Sequence[tuple[str, float]]  # the file, and when it ends
    logins: Sequence[Login]
    day: Mapping[str, int]


def notes(known: Known) -> list[Note]:
    """All there is to say; [] when nothing needs anybody."""
    every = [
        *_certificates(known),
        *_sites(known),
        *_rates(known.day),
        *_webhooks(known.webhooks),
        *_waiting(known),
        *_logins(known.logins),
    ]
    return sorted(every, key=lambda note: note.mood != "bad")


def _certificates(known: Known) -> Iterator[Note]:
    for file, end in known.certificates:
        if end - known.now < _RENEW_BEFORE:
            until = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d")
            does = "has expired" if end <= known.now else "soon expires"
            yield Note("bad", f"The certificate {file} {does} ({until}).")


def _sites(known: Known) -> Iterator[Note]:
    troubled = [
        one for one in known.sites if one.state is not None and one.state.reason is Reason.SITE_TROUBLE
    ]
    for one in troubled[:_SITES]:
        assert one.state is not None
        said = f" It said: {one.state.said[:_LONGEST]}" if one.state.said else ""
        queued = one.due + one.claimed + one.held
        yield Note("bad", f"{one.site} is in trouble; {_deliveries(queued)} for it.{said}", _queue(one.site))
    if more := len(troubled[_SITES:]):
        yield Note("bad", f"{more} more {'site is' if more == 1 else 'sites are'} in trouble.", "/queue")
    if any(one.state is not None and one.state.reason is Reason.SPOOL for one in known.sites):
        yield Note("bad", "The store does not take what is written: no attempt starts.")


def _rates(day: Mapping[str, int]) -> Iterator[Note]:
    failed, bounced = day.get("failure", 0), day.get("bounce", 0)
    ended = failed + day.get("delivery", 0)
    if failed >= _COUNTS and failed > _MANY * ended:
        text = f"{failed / ended:.0%} of what ended in the last 24 hours failed ({failed:,} of {ended:,})."
        yield Note("bad", text, "/messages?state=failed")
    if bounced >= _COUNTS and bounced > _MANY * ended:
        yield Note("bad", f"{bounced:,} bounces came back in the last 24 hours.", "/bounces?show=returned")
    if complaints := day.get("abuse", 0):
        text = f"{complaints:,} {_s(complaints, 'complaint')} came in the last 24 hours."
        yield Note("bad", text, "/bounces?show=complaints")


def _webhooks(webhooks: Iterable[tuple[Webhook, Health]]) -> Iterator[Note]:
    for webhook, health in webhooks:
        if webhook.enabled and health.failures:
            times = f"{health.failures:,} {_s(health.failures, 'time')} in a row"
            text = f"Webhook {webhook.id} ({webhook.url}) failed {times}: {health.problem[:_LONGEST]}"
            yield Note("bad", text, f"/webhooks/{webhook.id}")


def _waiting(known: Known) -> Iterator[Note]:
    if known.held:
        yield Note("", f"{_deliveries(known.held, 'held')} until somebody lets go.", "/queue?state=held")
    waited = known.now - min(map(_since, known.oldest), default=known.now)
    if waited > _OLD:
        yield Note("", f"The oldest delivery has waited for {duration(waited)}.", "/queue?age=14400")


def _since(one: Delivery) -> float:
    """When it began to wait: what was never tried may have been asked for later than it was accepted."""
    return one.accepted_at if one.attempts else max(one.accepted_at, one.due_at)


def _logins(logins: Iterable[Login]) -> Iterator[Note]:
    disabled = [one.username for one in logins if not one.enabled]
    if disabled:
        names = ", ".join(disabled[:_SITES]) + (", …" if len(disabled) > _SITES else "")
        yield Note("", f"{len(disabled)} {_s(len(disabled), 'login')} disabled: {names}.", "/logins")


def duration(seconds: float) -> str:
    """In the largest unit of which there are at least two."""
    for length, name in ((_DAY, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {name}s"
    return "a minute" if seconds >= 60 else "some seconds"


def _deliveries(number: int, state: str = "") -> str:
    if state:
        return f"{number:,} {'delivery is' if number == 1 else 'deliveries are'} {state}"
    return f"{number:,} {'delivery waits' if number == 1 else 'deliveries wait'}"


def _s(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"


def _queue(site: str) -> str:
    return f"/queue?{urlencode({'site': site})}"
