"""The table of all calls."""

from __future__ import annotations

from typing import Any

from smtpeter.accounts.tokens import Scope
from smtpeter.web.api import suppressions, webhooks
from smtpeter.web.api.aliases import canonical
from smtpeter.web.api.domains import Advice, DkimKey, Domains, Hosts, Judged, NewDomain, ShownDomain
from smtpeter.web.api.events import EventPage, Events, Following, Window
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.logins import ChangedLogin, Logins, NewLogin, NewToken, Overlap, ShownLogin, ShownToken
from smtpeter.web.api.messages import File, Messages
from smtpeter.web.api.queue import Altered, Listing, Meant, Queue
from smtpeter.web.api.route import Route, Routes
from smtpeter.web.api.sends import Sends
from smtpeter.web.api.shapes import Explanation, Resend, Send

TEXT = "text/plain"
OCTETS = "application/octet-stream"
_ONCE = (
    ("Idempotency-Key", "A key of your own: the same request under it, within a day, sends nothing again."),
)


def calls(neighbours: Neighbours, maximum_size: int) -> Routes:
    """All that the API can do; `maximum_size` in octets, of one message."""
    return Routes(
        (
            *_sending(Sends(neighbours, maximum_size)),
            *_messages(Messages(neighbours)),
            *_events(Events(neighbours)),
            *_queue(Queue(neighbours)),
            *_logins(Logins(neighbours)),
            *_domains(Domains(neighbours)),
            *_suppressions(suppressions.Listed(neighbours)),
            *_webhooks(webhooks.Hooks(neighbours)),
        )
    )


def _sending(sends: Sends) -> tuple[Route, ...]:
    ids = dict[str, str]
    more: dict[str, Any] = {"forms": True, "tag": "sending"}
    return (
        Route(
            "POST", "/send", Scope.SEND, "Send a message: the answer is the id of each recipient's delivery.",
            sends.send, Send, ids, canonical=canonical, headers=_ONCE, **more,
        ),
        Route(
            "POST", "/resend", Scope.SEND, "Send a message again, to one of its recipients.",
            sends.resend, Resend, ids, headers=_ONCE, **more,
        ),
        Route(
            "POST", "/explain", Scope.SEND, "Tell what would change in a message, and why not; nothing is sent.",
            sends.explain, Send, Explanation, canonical=canonical, **more,
        ),
    )  # fmt: skip


def _messages(messages: Messages) -> tuple[Route, ...]:
    def read(path: str, summary: str, handler: Any, gives: Any = TEXT) -> Route:
        return Route("GET", path, Scope.READ, summary, handler, gives=gives)

    files = list[File]
    return (
        read("/recipient/{id}", "The recipient's address.", messages.recipient),
        read("/envelope/{id}", "The return path it leaves with; empty when it has none.", messages.envelope),
        read("/text/{id}", "The plain text, as it was received.", messages.text),
        read("/html/{id}", "The HTML, as it was sent to this recipient.", messages.html),
        read("/headers/{id}", "The header fields, as they were sent.", messages.headers),
        read("/header/{id}", "The header fields, as they were sent.", messages.headers),
        read(
            "/mime/{id}", "The whole message, as it was sent but for its signatures.", messages.mime, OCTETS
        ),
        read("/attachments/{id}", "What is attached.", messages.attachments, files),
        read("/attachments/{id}/{name}", "One of them, by name or number.", messages.attachment, OCTETS),
        read("/embeds/{id}", "What is embedded in the HTML.", messages.embeds, files),
        read("/embeds/{id}/{name}", "One of them, by name or number.", messages.embed, OCTETS),
        read("/message/{id}", "The whole story of a delivery.", messages.story, dict[str, Any]),
    )


def _events(events: Events) -> tuple[Route, ...]:
    def read(path: str, summary: str, handler: Any, **more: Any) -> Route:
        return Route("GET", path, Scope.READ, summary, handler, tag="events", **more)

    records = list[dict[str, Any]]
    days = list[str]
    return (
        read("/events/messageid/{id}", "What happened to a message.", events.of_message, gives=records, query=Window),
        read("/events/email/{address}", "What happened to a recipient's mail.", events.of_recipient, gives=records, query=Window),
        read("/events/tags/{tags*}", "What happened to mail that has all these tags.", events.of_tags, gives=records, query=Window),
        read("/tags/{tags*}", "The same.", events.of_tags, gives=records, query=Window),
        read("/events", "Everything that happened, in order, to be followed by its cursor.", events.follow, gives=EventPage, query=Following),
        read("/logfiles", "The days that have log files.", events.days, gives=days),
        read("/logfiles/{file}", "The log files of a day; or one of them, as CSV.", events.file, gives=TEXT),
        read("/logfiles/{file}/{format}", "A log file as CSV with a header line, as json or as xml.", events.file_as, gives=TEXT),
    )  # fmt: skip


def _queue(queue: Queue) -> tuple[Route, ...]:
    def verb(name: str, summary: str) -> Route:
        return Route("POST", f"/queue/{name}", Scope.QUEUE, summary, queue.alter, Meant, Altered, tag="queue")

    listed = list[dict[str, Any]]
    return (
        Route("GET", "/queue", Scope.QUEUE, "Deliveries, oldest first.", queue.listed, gives=listed, query=Listing, tag="queue"),
        verb("retry", "Try again now what waits for its time."),
        verb("hold", "Keep from being tried until released."),
        verb("release", "Let go what was held."),
        verb("delete", "Take out of the queue; nobody is told."),
    )  # fmt: skip


def _logins(logins: Logins) -> tuple[Route, ...]:
    def admin(method: str, path: str, summary: str, handler: Any, **more: Any) -> Route:
        return Route(method, path, Scope.ADMIN, summary, handler, tag="accounts", **more)

    one, token = "/logins/{username}", ShownToken
    return (
        admin("GET", "/logins", "All logins.", logins.listed, gives=list[ShownLogin]),
        admin("POST", "/logins", "Make a login; its password is shown once.", logins.create, takes=NewLogin, gives=ShownLogin, status=201),
        admin("GET", one, "One login.", logins.show, gives=ShownLogin),
        admin("PATCH", one, "Change what is named.", logins.modify, takes=ChangedLogin, gives=ShownLogin),
        admin("DELETE", one, "Take it away; its messages and events stay.", logins.delete, status=204),
        admin("POST", one + "/rotate", "Give it a new password, shown once.", logins.rotate, gives=ShownLogin, query=Overlap),
        admin("GET", "/tokens", "All tokens, without their secrets.", logins.tokens, gives=list[ShownToken]),
        admin("POST", "/tokens", "Make a token; it is shown once.", logins.create_token, takes=NewToken, gives=token, status=201),
        admin("DELETE", "/tokens/{id}", "Revoke a token, by its id.", logins.revoke_token, status=204),
    )  # fmt: skip


def _suppressions(listed: suppressions.Listed) -> tuple[Route, ...]:
    def verb(method: str, path: str, summary: str, handler: Any, **more: Any) -> Route:
        return Route(method, path, Scope.QUEUE, summary, handler, tag="suppressions", **more)

    one, entry = "/suppressions", "/suppressions/{recipient}"
    page, whose = suppressions.SuppressionPage, suppressions.Whose
    added, counted = suppressions.Added, suppressions.Counted
    return (
        verb("GET", one, "Who gets no more mail.", listed.listed, gives=page, query=suppressions.Listing),
        verb("POST", one, "Put recipients on a list.", listed.add, takes=added, gives=counted),
        verb("DELETE", entry, "Take a recipient off a list.", listed.remove, status=204, query=whose),
    )


def _webhooks(hooks: webhooks.Hooks) -> tuple[Route, ...]:
    def read(path: str, summary: str, handler: Any, gives: Any) -> Route:
        return Route("GET", path, Scope.READ, summary, handler, gives=gives, tag="webhooks")

    def verb(method: str, path: str, summary: str, handler: Any, **more: Any) -> Route:
        return Route(method, path, Scope.QUEUE, summary, handler, tag="webhooks", **more)

    every, one, shown = "/webhooks", "/webhooks/{number}", webhooks.ShownWebhook
    new, changed, again = webhooks.NewWebhook, webhooks.ChangedWebhook, webhooks.Again
    return (
        read(every, "All webhooks, and whether their receivers answer.", hooks.listed, list[webhooks.ShownWebhook]),
        verb("POST", every, "Post what happens from now on; needs the scope `read` too. The secret that signs is shown once.", hooks.create, takes=new, gives=shown, status=201),
        read(one, "One webhook, and the events that wait apart or were given up.", hooks.show, shown),
        verb("PATCH", one, "Change what is named; needs the scope `read` too.", hooks.modify, takes=changed, gives=shown),
        verb("DELETE", one, "Post no more there, and forget what waits.", hooks.delete, status=204),
        verb("POST", one + "/test", "Post a signed request that tells of nothing, now.", hooks.test, gives=webhooks.Tried),
        verb("POST", one + "/replay", "Post again what waits apart or was given up, and what is named; needs the scope `read` too.", hooks.replay, takes=again, gives=webhooks.Behind),
    )  # fmt: skip


def _domains(domains: Domains) -> tuple[Route, ...]:
    def admin(method: str, path: str, summary: str, handler: Any, **more: Any) -> Route:
        return Route(method, path, Scope.ADMIN, summary, handler, tag="domains", **more)

    one, shown = "/domains/{name}", ShownDomain
    return (
        admin("GET", "/domains", "All sender domains.", domains.listed, gives=list[ShownDomain]),
        admin("POST", "/domains", "Make keys for a domain.", domains.create, takes=NewDomain, gives=shown, status=201),
        admin("GET", one, "A sender domain and its DNS records.", domains.show, gives=shown),
        admin("PATCH", one, "Change its own hosts, for the mail accepted from now on.", domains.modify, takes=Hosts, gives=shown),
        admin("DELETE", one, "Sign its mail no more, and forget its keys.", domains.delete, status=204),
        admin("GET", one + "/check", "Whether the DNS has its records, asked now.", domains.check, gives=list[Judged]),
        admin("GET", "/dns/{name}/recommended", "The DNS records to publish.", domains.recommended, gives=list[Advice]),
        admin("GET", "/dns/{name}/status", "Whether they are published: ok or error, by kind.", domains.status, gives=dict[str, str]),
        admin("GET", "/dkimkey/{name}", "The public half of its RSA key.", domains.dkimkey, gives=DkimKey),
        admin("GET", "/spf/{name}", "The SPF mechanisms that let this server send.", domains.spf, gives=list[str]),
    )  # fmt: skip
