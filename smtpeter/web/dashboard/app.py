"""The dashboard behind the door of the API: who asks is judged before anything else, and every mistake has its page.

Nothing is believed of plain HTTP unless it comes from this machine, or from a trusted proxy that says it was asked over
https. What changes something is a POST that carries the session's token and does not come from another site.
"""

from __future__ import annotations

from twisted.logger import Logger

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.operators import Operator, form_token, is_form_token
from smtpeter.journal.interface import JournalUnavailable
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.api.app import judge_transport
from smtpeter.web.api.problem import Problem, trouble
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard import devices, sessions
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.route import Asked, Form, Route
from smtpeter.web.dashboard.table import ACCOUNT, table
from smtpeter.web.visit import Proxies, Visit

_UNAVAILABLE = (SpoolUnavailable, JournalUnavailable, AccountsUnavailable)
_LARGEST = 262_144  # octets of a form
_HERE = frozenset(("same-origin", "none"))


class Dashboard:
    """All pages."""

    _log = Logger()

    def __init__(self, neighbours: Neighbours, proxies: Proxies) -> None:
        self._pages = Pages()
        self._sessions = sessions.Sessions(neighbours)
        self._proxies = proxies
        self._routes = table(neighbours, self._pages)

    async def answer(self, visit: Visit, body: bytes, *, secure: bool) -> Given:
        """The answer to any request; never raises."""
        try:
            return await self._answer(visit, body, secure=secure)
        except Problem as problem:
            return self._pages.problem(problem)
        except _UNAVAILABLE as unavailable:
            self._log.warn("the dashboard could not do it: {cause}", cause=str(unavailable))
            return self._pages.problem(trouble())
        except Exception:  # noqa: BLE001 - a fault of ours, whatever it is, is answered and logged
            self._log.failure("a page was not made")
            return self._pages.problem(Problem(500, "Something went wrong here; the log says what."))

    async def _answer(self, visit: Visit, body: bytes, *, secure: bool) -> Given:
        judge_transport(self._proxies, visit, secure=secure)
        secure = secure or self._proxies.scheme(visit) == "https"
        method = "GET" if visit.method == b"HEAD" else visit.method.decode("latin-1")
        path, _, query = visit.target.decode("latin-1").partition("?")
        if method == "GET" and (static := self._pages.static(path)) is not None:
            return static
        form = _form(visit, body) if method == "POST" else Form()
        client = self._proxies.client(visit)
        cookies = "; ".join(visit.values("cookie"))
        if path == "/sign-in":
            return await self._sign_in(method, form, client, cookies, secure=secure)
        secret = sessions.presented(cookies, secure=secure)
        operator = await self._sessions.operator(secret)
        if operator is None:
            return elsewhere("/sign-in")
        if method == "POST" and not is_form_token(form.one("form_token"), secret):
            raise Problem(
                403, "This form is of another session; go back, load the page again, and repeat it."
            )
        if (method, path) == ("POST", "/sign-out"):
            await self._sessions.sign_out(secret)
            return elsewhere("/sign-in", sessions.cookie("", secure=secure))
        route, places = self._routes.match(method, path)
        is_saved = method == "GET" and sessions.saved(cookies)
        asked = Asked(operator, form_token(secret), places, Form(query), form, client, is_saved)
        try:
            _judge(operator, route)
            if operator.must_change and route.path not in {ACCOUNT, f"{ACCOUNT}/password"}:
                return elsewhere(ACCOUNT)
            return _telling(visit, await route.handler(asked), was_saved=is_saved)
        except Problem as problem:
            above = path if method == "POST" or query else path.rpartition("/")[0]
            back = self._routes.back(above, operator.role)
            return self._pages.problem(problem, asked, back, is_form=method == "POST")

    async def _sign_in(self, method: str, form: Form, client: str, cookies: str, *, secure: bool) -> Given:
        if method != "POST":
            return self._pages.page("sign-in.html", None, said="", name="")
        name, password = form.one("name"), "".join(form.all("password")[-1:])
        device = devices.presented(cookies, name, secure=secure)
        try:
            secret, device = await self._sessions.sign_in(
                sessions.Try(name, password, form.one("code"), client, device)
            )
        except Problem as problem:
            said = problem.answered.error.message
            headers = problem.headers
            return self._pages.page(
                "sign-in.html", None, status=problem.status, headers=headers, said=said, name=name
            )
        known = devices.cookie(device, name, secure=secure)
        return elsewhere("/", known, sessions.cookie(secret, secure=secure))


def _telling(visit: Visit, answer: Given, *, was_saved: bool) -> Given:
    """The answer; a form that leads to its own page again has it say there, once, that what was filled in is saved."""
    own = (b"Location", visit.target)
    if answer.status == 303 and own in answer.headers:
        return answer._replace(headers=(*answer.headers, sessions.saving(is_done=True)))
    if was_saved and answer.status == 200:
        return answer._replace(headers=(*answer.headers, sessions.saving(is_done=False)))
    return answer


def _judge(operator: Operator, route: Route) -> None:
    if not operator.role.may(route.role):
        raise Problem(403, f"This needs the role {route.role.value}; yours is {operator.role.value}.")


def _form(visit: Visit, body: bytes) -> Form:
    """The form of a POST; raises Problem for one that another site sent."""
    if any(told not in _HERE for told in visit.values("sec-fetch-site")):
        raise Problem(403, "A form of another site is not taken here.")
    if len(body) > _LARGEST:
        raise Problem(413, "This form is too large.")
    return Form.of_body(body)
