"""Logins: made, switched, connected and tried out. A password is shown once, in the answer to the form that made it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from smtpeter.accounts import changes, passwords
from smtpeter.accounts.interface import LoginExists, NoSuchLogin
from smtpeter.accounts.model import Limits, Login
from smtpeter.accounts.uses import Kind, last_use
from smtpeter.message import identifier
from smtpeter.message.options import Switches
from smtpeter.web.api import fields
from smtpeter.web.api.compose import compose
from smtpeter.web.api.logins import read_senders
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Given
from smtpeter.web.api.sends import submit
from smtpeter.web.api.shapes import Send
from smtpeter.web.api.wanted import read_tags, wanted
from smtpeter.web.dashboard.connecting import ways
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.record import Recording
from smtpeter.web.dashboard.route import Asked, Form, number

# What each switch does, in a sentence.
SWITCHES = {
    "track_clicks": ("Track clicks", "Links in HTML lead through this server, so that clicks are seen."),
    "track_opens": ("Track opens", "Images, or an invisible one, are asked of this server, so that opens are seen."),
    "prevent_scam": ("Prevent scam warnings", "A link whose text is a URL shows the URL it really leads to, so that mail programs do not warn."),
    "track_bounces": ("Track bounces", "The return path is this server's, so that it reads what comes back."),
    "inline_css": ("Inline CSS", "Style sheets are written into the elements, for mail programs that ignore them."),
    "track_text_links": ("Track links in text", "Also URLs in the plain text lead through this server; needs Track clicks."),
    "always_pixel": ("Always add the pixel", "An invisible image for opens, even where there are images; needs Track opens."),
}  # fmt: skip
# For how many seconds the old password still opens a login beside the new one.
OVERLAPS = {"": "at once", "3600": "in an hour", "86400": "in a day", "604800": "in a week", "2592000": "in thirty days"}  # fmt: skip
_TEST_TEXT = "This is a test message. If you read it, the login works.\n\nhttps://example.com/\n"
_TEST_HTML = (
    "<!doctype html><html><body><h1>It works</h1><p>This is a test message, sent from the dashboard.</p>"
    '<p><a href="https://example.com/">Follow this link</a>, and see the click.</p></body></html>'
)
_LONGEST_NAME = 255
_LONGEST_NOTE = 1000
_MOST = 10**9  # recipients in a time


class Logins:
    """The pages about logins."""

    def __init__(self, neighbours: Neighbours, pages: Pages, recording: Recording) -> None:
        self._api = neighbours.api
        self._connecting = neighbours.connecting
        self._pages = pages
        self._recording = recording

    async def listed(self, asked: Asked) -> Given:
        logins = await self._api.accounts.logins()
        uses = await self._api.uses.last(Kind.LOGIN)
        used = {one.username: last_use(uses, one.username, one.created_at) for one in logins}
        return self._pages.page(
            "logins.html", asked, logins=logins, used=used, switches=SWITCHES, login=None
        )  # fmt: skip

    async def create(self, asked: Asked) -> Given:
        form = asked.form
        username = form.one("username") or f"u-{passwords.generate(self._api.token_bytes)[:12]}"
        if len(username) > _LONGEST_NAME or not all("!" <= one <= "~" for one in username):
            raise Problem(422, "A name of a login has 1 to 255 ASCII characters and no blanks.", "username")
        password, kept = passwords.make(self._api.token_bytes)
        made = _as_wanted(Login(username, kept, _switches(form), self._api.clock()), form)
        try:
            await self._api.accounts.create(made)
        except LoginExists:
            raise Problem(409, f"The login {username} exists already.", "username") from None
        await self._recording(asked, "made the login", username)
        return await self._page(asked, made, password=password)

    async def show(self, asked: Asked) -> Given:
        return await self._page(asked, await self._login(asked))

    async def change(self, asked: Asked) -> Given:
        login, form = await self._login(asked), asked.form
        changed = _as_wanted(login, form)
        await self._replace(changed, login)
        await self._recording(asked, changes.of_login(login, changed), login.username)
        return elsewhere(path_of(login))

    async def rotate(self, asked: Asked) -> Given:
        overlap = asked.form.one("overlap")
        if overlap not in OVERLAPS:
            raise Problem(422, "There is no such choice.", "overlap")
        password, kept = passwords.make(self._api.token_bytes)
        login = await self._login(asked)
        changed = login.rotated(kept, self._api.clock(), float(overlap or 0))
        await self._replace(changed, login)
        done = f"gave the login another password, the old one stops {OVERLAPS[overlap]}"
        await self._recording(asked, done, changed.username)
        return await self._page(asked, changed, password=password)

    async def end_previous(self, asked: Asked) -> Given:
        """The old password stops before its time."""
        login = await self._login(asked)
        changed = replace(login, previous=None)
        await self._replace(changed, login)
        await self._recording(asked, "ended the login's old password", changed.username)
        return elsewhere(path_of(changed))

    async def enable(self, asked: Asked) -> Given:
        """Or disable: as the form says."""
        login = await self._login(asked)
        changed = replace(login, enabled=asked.form.one("enabled") == "yes")
        await self._replace(changed, login)
        done = "enabled the login" if changed.enabled else "disabled the login"
        await self._recording(asked, done, changed.username)
        return elsewhere(path_of(changed))

    async def delete(self, asked: Asked) -> Given:
        try:
            await self._api.accounts.delete(asked.path["username"])
        except NoSuchLogin:
            raise _no_such_login() from None
        await self._recording(asked, "deleted the login", asked.path["username"])
        return elsewhere("/logins")

    async def test(self, asked: Asked) -> Given:
        """Send a test message with this login's switches, and show what becomes of it."""
        login = await self._login(asked)
        recipient = fields.address(asked.form.one("recipient"), "recipient")
        sender = fields.address(asked.form.one("sender"), "sender")
        send = Send(
            recipient=str(recipient), from_=str(sender), to=str(recipient), subject="Test message",
            text=_TEST_TEXT, html=_TEST_HTML, tags="test",
        )  # fmt: skip
        submission, made = self._api.submission, self._api.identifiers.message()
        content = compose(send, (), identifier.show(made))
        meant = wanted(send, self._api.clock())
        [delivery] = await submit(submission, login.username, asked.client, meant, content, made)
        await self._recording(asked, f"sent a test message to {recipient}", login.username)
        return elsewhere(f"/messages/{identifier.show(delivery.id)}")

    async def _page(self, asked: Asked, login: Login, password: str = "") -> Given:
        now, previous = self._api.clock(), login.previous
        if previous is not None and now >= previous.until:
            previous = None
        used = last_use(await self._api.uses.last(Kind.LOGIN), login.username, login.created_at)
        uses = await self._api.uses.last(Kind.PREVIOUS)
        previous_used = last_use(uses, login.username, previous.since) if previous else None
        sender = next((one for one in login.senders if "@" in one), "")
        if not sender:
            domain = next((one for one in login.senders), self._connecting.host).removeprefix(".")
            sender = f"test@{domain}" if "." in domain else "test@example.com"
        return self._pages.page(
            "login.html", asked, login=login, password=password, switches=SWITCHES, sender=sender,
            path=path_of(login), ways=ways(self._connecting, login.username, sender),
            used=used, previous=previous, previous_used=previous_used, overlaps=OVERLAPS,
        )  # fmt: skip

    async def _login(self, asked: Asked) -> Login:
        login = await self._api.accounts.login(asked.path["username"])
        if login is None:
            raise _no_such_login()
        return login

    async def _replace(self, changed: Login, was: Login) -> None:
        try:
            await self._api.accounts.replace(changed, was)
        except NoSuchLogin:
            raise _no_such_login() from None


def path_of(login: Login) -> str:
    """Where its page is."""
    return f"/logins/{quote(login.username, safe='')}"


def _no_such_login() -> Problem:
    return Problem(404, "There is no such login.")


def _switches(form: Form) -> Switches:
    return Switches(**{name: True for name in form.all("switch") if name in Switches.names()})


def _senders(form: Form) -> tuple[str, ...]:
    return read_senders(form.one("senders").replace(",", " ").split())


def _as_wanted(login: Login, form: Form) -> Login:
    """The login as the form has it; raises Problem 422."""
    return replace(
        login,
        switches=_switches(form),
        senders=_senders(form),
        tags=read_tags(form.one("tags").replace(",", " ").split()),
        limits=Limits(_most(form, "per_hour"), _most(form, "per_day")),
        note=form.one("note")[:_LONGEST_NOTE],
    )


def _most(form: Form, name: str) -> int:
    """0 for what is left empty."""
    most = number(form.one(name) or "0")
    if most is None or most >= _MOST:
        raise Problem(422, "Expected a number, or nothing.", name)
    return most
