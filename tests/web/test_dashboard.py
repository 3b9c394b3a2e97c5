"""The dashboard's door: who may come in, and who may do what. Spoken to in memory, operators on SQLite."""

import re
from dataclasses import replace
from functools import partial
from html import unescape
from urllib.parse import urlencode

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock, deferLater

from smtpeter.accounts import codes, passwords
from smtpeter.accounts.model import Limits
from smtpeter.accounts.operators import SESSION_IDLE, SESSION_LASTS, Operator, Role
from smtpeter.accounts.uses import Kind
from smtpeter.storage.engine import for_writing
from smtpeter.storage.schema.operators import operator_changes
from smtpeter.web.dashboard.app import Dashboard
from smtpeter.web.dashboard.interface import Connecting, Neighbours
from smtpeter.web.dashboard.pages import Pages
from smtpeter.web.dashboard.table import ACCOUNT, table
from smtpeter.web.visit import Proxies, Visit
from tests.kit.fakes.work import FakeSites
from tests.storage.stores import empty_store, result, stored
from tests.web.rest import NOW, Answered, Rest

__all__ = ["empty_store", "stored"]
KEPT = {"right": passwords.keep_chosen("right", bytes)}
KEY = b"12345678901234567890"


class Browser:
    """Signed in as an operator of a role, unless it has no cookie."""

    def __init__(self, operators, role=Role.ADMINISTER, one_time=b""):
        self.rest = Rest()
        self.rest.record = operators.record
        self.operators = operators
        result(operators.create(Operator("ada", KEPT["right"], role, NOW, one_time)))
        self.sites = FakeSites(self.rest.spool)
        self.clock = Clock()
        self.ends = []  # of certificates
        self.neighbours = Neighbours(
            self.rest.neighbours,
            operators,
            Connecting("mail.test", 587, 465),
            self.sites,
            self.rest.spool,
            lambda: self.ends,
            partial(deferLater, self.clock),
        )
        self.dashboard = Dashboard(self.neighbours, Proxies(()))
        self.cookie = self.form_token = ""
        self.device = ""  # the cookie that says he has signed in here before
        self.waited = 0.0  # seconds, for the last answer

    def ask(self, method, target, body=b"", *, secure=False, peer="127.0.0.1", **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie or self.device:
            fields["Cookie"] = "; ".join(filter(None, (self.cookie, self.device)))
        visit = Visit(method.encode(), target.encode(), tuple(fields.items()), peer)
        given = self._patiently(self.dashboard.answer(visit, body, secure=secure))
        for name, value in given.headers:
            if name == b"Set-Cookie" and b"smtpeter-known-" in value:
                self.device = value.decode().partition(";")[0]
        headers = {name.decode(): value.decode() for name, value in given.headers}
        return Answered(given.status, given.content_type, headers, given.body)

    def _patiently(self, answer):
        began, answer = self.clock.seconds(), Deferred.fromCoroutine(answer)
        while not answer.called and self.clock.getDelayedCalls():
            self.clock.advance(0.5)
        self.waited = self.clock.seconds() - began
        return result(answer)

    def get(self, target, **options):
        return self.ask("GET", target, **options)

    def post(self, target, form=(), **options):
        fields = [*dict(form).items()] if not isinstance(form, list) else form
        return self.ask(
            "POST", target, urlencode([*fields, ("form_token", self.form_token)]).encode(), **options
        )

    def sign_in(self, name="ada", password="right", code="", **options):
        answered = self.post("/sign-in", {"name": name, "password": password, "code": code}, **options)
        if "Set-Cookie" in answered.headers:
            self.cookie = answered.headers["Set-Cookie"].partition(";")[0]
            waited = self.waited
            page = self.get("/logins", secure=options.get("secure", False)).body.decode()
            self.waited = waited
            self.form_token = re.search('name="form_token" value="([0-9a-f]+)"', page)[1]
        return answered


@pytest.fixture
def browser(stored):
    return Browser(stored.new_store().operators)


@pytest.fixture
def signed_in(browser):
    browser.sign_in()
    return browser


def text(answered):
    """What a page says, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answered.body.decode())).split())


class Meanwhile:
    """Operators, of whom one is changed right after he was looked at, once there is a `change`."""

    def __init__(self, operators):
        self._operators = operators
        self.change = {}

    def __getattr__(self, name):
        return getattr(self._operators, name)

    def operator(self, name):
        return self._stale(self._operators.operator(name), name)

    def session(self, digest):
        return self._stale(self._operators.session(digest), "ada")

    def _stale(self, found, name):
        found = result(found)
        if self.change:
            result(self._operators.replace(replace(result(self._operators.operator(name)), **self.change)))
        return succeed(found)


@pytest.fixture
def changing(stored):
    """A browser of an operator whom others change in the same moment."""
    operators = stored.new_store().operators
    result(operators.create(Operator("root", KEPT["right"], Role.ADMINISTER, NOW)))
    return Browser(Meanwhile(operators))


# -- signing in ------------------------------------------------------------------------------------------


def test_the_right_password_opens(browser):
    answered = browser.sign_in()
    assert (303, "/") == (answered.status, answered.headers["Location"])
    assert 200 == browser.get("/").status


@pytest.mark.parametrize("path", ["/", "/logins", "/operators", "/nowhere"])
def test_who_has_not_signed_in_is_sent_to_the_door(browser, path):
    answered = browser.get(path)
    assert (303, "/sign-in") == (answered.status, answered.headers["Location"])
    assert b"" == answered.body


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("bob", "right"), ("ada", ""), ("ada", "x" * 2000)]
)
def test_what_is_wrong_with_a_name_or_password_is_not_told(browser, name, password):
    answered = browser.sign_in(name, password)
    assert 403 == answered.status
    assert "do not open the door" in text(answered)
    assert "Set-Cookie" not in answered.headers


def test_the_cookie_is_no_scripts_and_no_other_sites(browser):
    plain = browser.sign_in().headers["Set-Cookie"]
    assert plain.endswith("; Path=/; HttpOnly; SameSite=Lax")
    browser.cookie = ""
    over_tls = browser.sign_in(secure=True).headers["Set-Cookie"]
    assert over_tls.startswith("__Host-smtpeter=")
    assert over_tls.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_guessing_is_held_up_even_with_the_right_password(browser):
    for _ in range(10):
        browser.sign_in(password="wrong")
    answered = browser.sign_in()
    assert 429 == answered.status
    assert 303 == browser.sign_in(peer="192.0.2.1", secure=True).status
    browser.rest.now += int(answered.headers["Retry-After"])
    browser.cookie = ""
    assert 303 == browser.sign_in().status


def test_guessing_is_held_up_by_all_processes_together(browser):
    """An IPv6 client counts by its network, of which it has more addresses than anybody can count."""
    other = Dashboard(browser.neighbours, Proxies(()))
    for number in range(10):
        browser.dashboard, other = other, browser.dashboard
        assert 403 == browser.sign_in(f"nobody{number}", peer=f"2001:db8::{number}", secure=True).status
    assert 429 == browser.sign_in(peer="2001:db8::beef", secure=True).status
    assert 303 == browser.sign_in(peer="2001:db8:0:1::", secure=True).status


def test_a_form_of_another_site_is_not_taken(browser):
    assert 403 == browser.sign_in(Sec_Fetch_Site="cross-site").status
    assert 303 == browser.sign_in(Sec_Fetch_Site="same-origin").status
    assert 403 == browser.post("/logins", {"username": "x"}, Sec_Fetch_Site="same-site").status


def test_plain_http_is_for_this_machine_only(browser):
    assert 400 == browser.get("/sign-in", peer="192.0.2.1").status
    assert 400 == browser.get("/sign-in", X_Forwarded_For="192.0.2.1").status
    assert 200 == browser.get("/sign-in", peer="192.0.2.1", secure=True).status


def test_a_one_time_code_is_asked_and_taken_once(stored):
    browser = Browser(stored.new_store().operators, one_time=KEY)
    code = codes.code(KEY, int(NOW) // 30)
    assert 403 == browser.sign_in().status
    assert 403 == browser.sign_in(code="000000").status
    assert 303 == browser.sign_in(code=code).status
    assert 403 == browser.sign_in(code=code).status


# -- sessions --------------------------------------------------------------------------------------------


def test_a_session_ends_when_it_is_left_alone(signed_in):
    signed_in.rest.now += SESSION_IDLE - 1
    assert 200 == signed_in.get("/").status
    signed_in.rest.now += SESSION_IDLE - 1
    assert 200 == signed_in.get("/").status
    signed_in.rest.now += SESSION_IDLE
    assert 303 == signed_in.get("/").status


def test_a_session_ends_in_the_end(signed_in):
    for _ in range(int(SESSION_LASTS // 3600)):
        assert 200 == signed_in.get("/").status
        signed_in.rest.now += 3600
    assert 303 == signed_in.get("/").status


def test_signing_out_ends_the_session_on_the_server(signed_in):
    answered = signed_in.post("/sign-out")
    assert "Max-Age=0" in answered.headers["Set-Cookie"]
    assert 303 == signed_in.get("/").status


def test_another_password_ends_all_sessions(signed_in):
    operator = result(signed_in.operators.operator("ada"))
    result(signed_in.operators.replace(operator))
    assert 303 == signed_in.get("/").status


def test_a_form_without_the_sessions_token_changes_nothing(signed_in):
    signed_in.form_token = "0" * 32
    assert 403 == signed_in.post("/logins", {"username": "new"}).status
    assert ["shop"] == [login.username for login in result(signed_in.rest.accounts.logins())]


@pytest.mark.parametrize("body", [b"\xff", b"a=%ff", b"&".join(b"a=1" for _ in range(300))])
def test_a_form_that_cannot_be_read_has_a_page(signed_in, body):
    assert 400 == signed_in.ask("POST", "/logins", body).status


# -- headers and roles -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sign-in", "/logins", "/nowhere"])
def test_a_page_runs_nothing_but_our_own_file(signed_in, path):
    answered = signed_in.get(path)
    policy = answered.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]* src=)|<style| on\w+=| style=", answered.body.decode())


def test_our_own_files_are_kept_by_browsers(browser):
    answered = browser.get("/static/style.css?1")
    assert (200, "text/css; charset=utf-8") == (answered.status, answered.content_type)
    assert "immutable" in answered.headers["Cache-Control"]
    assert 303 == browser.get("/static/../app.py").status


def routes():
    neighbours = Neighbours(
        Rest().neighbours, None, Connecting("mail.test", None, None), None, None, None, None
    )
    return [
        (one.method, re.sub(r"\{\w+\}", "shop", one.path), one.role) for one in table(neighbours, Pages()).all
    ]


ROUTES = routes()
POSTS = [(path, role) for method, path, role in ROUTES if method == "POST" and not path.startswith(ACCOUNT)]


@pytest.mark.parametrize(("path", "needed"), POSTS, ids=[path for path, _ in POSTS])
def test_who_may_only_look_changes_nothing(stored, path, needed):
    browser = Browser(stored.new_store().operators, Role.VIEW)
    browser.sign_in()
    answered = browser.post(
        path, {"username": "new", "recipient": "joe@example.com", "sender": "me@example.com"}
    )
    assert 403 == answered.status
    assert f"This needs the role {needed}" in text(answered)
    assert [browser.rest.login] == list(result(browser.rest.accounts.logins()))
    assert [] == browser.rest.messages


@pytest.mark.parametrize(("path", "needed"), POSTS, ids=[path for path, _ in POSTS])
def test_who_operates_does_not_administer(stored, path, needed):
    browser = Browser(stored.new_store().operators, Role.OPERATE)
    browser.sign_in()
    assert (403 == browser.post(path).status) is (needed is Role.ADMINISTER)


def test_no_form_is_for_those_who_only_look():
    assert Role.VIEW not in {role for _, role in POSTS}


# -- logins ----------------------------------------------------------------------------------------------


def test_a_login_is_made_and_its_password_shown_once(signed_in):
    form = [
        ("username", "news"),
        ("switch", "track_clicks"),
        ("switch", "inline_css"),
        ("senders", "a.example, b@c.example"),
    ]
    answered = signed_in.post("/logins", form)
    password = re.search('id="password">([a-z2-7]{26})<', answered.body.decode())[1]
    login = result(signed_in.rest.accounts.login("news"))
    assert passwords.verify(password.encode(), login.password_hash)
    assert ("track_clicks", "inline_css") == login.switches.on()
    assert ("a.example", "b@c.example") == login.senders
    assert password not in signed_in.get("/logins/news").body.decode()
    assert password not in signed_in.get("/changes").body.decode()


def test_a_name_that_is_taken_stays_what_it_is(signed_in):
    assert 409 == signed_in.post("/logins", {"username": "shop"}).status
    assert signed_in.rest.login == result(signed_in.rest.accounts.login("shop"))


@pytest.mark.parametrize("form", [{"username": "two words"}, {"username": "ü"}, {"senders": "no@@address"}])
def test_a_login_that_cannot_be_is_refused(signed_in, form):
    assert 422 == signed_in.post("/logins", form).status


def test_switches_are_switched(signed_in):
    assert 303 == signed_in.post("/logins/shop", [("switch", "prevent_scam"), ("note", "autumn")]).status
    login = result(signed_in.rest.accounts.login("shop"))
    assert (("prevent_scam",), "autumn") == (login.switches.on(), login.note)
    page = signed_in.get("/logins/shop").body.decode()
    assert ["prevent_scam"] == re.findall(r'value="(\w+)" checked', page)


def test_a_login_gets_another_password_is_disabled_and_deleted(signed_in):
    before = result(signed_in.rest.accounts.login("shop")).password_hash
    assert 'id="password"' in signed_in.post("/logins/shop/password").body.decode()
    assert before != result(signed_in.rest.accounts.login("shop")).password_hash
    signed_in.post("/logins/shop/enabled", {"enabled": "no"})
    assert not result(signed_in.rest.accounts.login("shop")).enabled
    signed_in.post("/logins/shop/enabled", {"enabled": "yes"})
    assert result(signed_in.rest.accounts.login("shop")).enabled
    signed_in.post("/logins/shop/delete")
    assert result(signed_in.rest.accounts.login("shop")) is None
    assert 404 == signed_in.get("/logins/shop").status


def test_a_login_has_tags_and_limits(signed_in):
    form = {"tags": "spring, shop", "per_hour": "100", "per_day": ""}
    assert 303 == signed_in.post("/logins/shop", form).status
    login = result(signed_in.rest.accounts.login("shop"))
    assert (("spring", "shop"), Limits(100, 0)) == (login.tags, login.limits)
    shown = signed_in.get("/logins/shop").body.decode()
    assert 'name="tags" value="spring shop"' in shown
    assert 'name="per_hour" value="100"' in shown
    assert 'name="per_day" value=""' in shown
    for wrong in ({"per_hour": "many"}, {"per_day": "-1"}, {"tags": "x" * 101}):
        assert 422 == signed_in.post("/logins/shop", wrong).status


def test_the_old_password_of_a_login_lasts_as_long_as_is_said(signed_in):
    before = result(signed_in.rest.accounts.login("shop")).password_hash
    assert 'id="password"' in signed_in.post("/logins/shop/password", {"overlap": "86400"}).body.decode()
    assert before in result(signed_in.rest.accounts.login("shop")).kept(NOW + 86_399)
    said = text(signed_in.get("/logins/shop"))
    assert "Its old password still opens it Until 2026-05-29 20:26:40 UTC" in said
    assert "Nothing was sent with it since" in said
    signed_in.rest.uses.used(Kind.PREVIOUS, "shop", NOW + 60)
    assert "sent with it at 2026-05-28 20:27:40 UTC: a program" in text(signed_in.get("/logins/shop"))
    signed_in.post("/logins/shop/password/old")
    assert result(signed_in.rest.accounts.login("shop")).previous is None
    assert "Its old password" not in text(signed_in.get("/logins/shop"))
    assert 422 == signed_in.post("/logins/shop/password", {"overlap": "5"}).status


def test_the_last_use_of_a_login_is_shown(signed_in):
    assert "never used" in text(signed_in.get("/logins/shop"))
    signed_in.rest.uses.used(Kind.LOGIN, "shop", NOW)
    assert "last used 2026-05-28 20:26:40 UTC" in text(signed_in.get("/logins/shop"))
    assert "any address 2026-05-28 20:26:40" in text(signed_in.get("/logins"))


def test_how_to_connect_names_this_server(signed_in):
    page = text(signed_in.get("/logins/shop"))
    for line in (
        "relayhost = [mail.test]:587",
        "[mail.test]:587 shop:PASSWORD",
        'EMAIL_HOST = "mail.test"',
        "$mail->Username = 'shop';",
        'host: "mail.test", port: 587, secure: false',
        "swaks --server mail.test --port 587 --tls --auth-user 'shop'",
        "curl --ssl-reqd smtp://mail.test:587 --user 'shop:PASSWORD'",
        "--mail-rcpt reader@example.net --crlf --upload-file message.eml",
    ):
        assert line in page


def test_a_test_message_goes_the_way_of_all_mail(signed_in):
    answered = signed_in.post(
        "/logins/shop/test", {"recipient": "joe@example.com", "sender": "me@example.com"}
    )
    [message] = signed_in.rest.messages
    assert ("shop", ("test",), "joe@example.com") == (
        message.login, message.tags, str(message.envelope.recipients[0].address)
    )  # fmt: skip
    assert answered.headers["Location"].startswith("/messages/")


def test_a_test_message_to_no_address_is_refused(signed_in):
    assert 422 == signed_in.post("/logins/shop/test", {"recipient": "joe", "sender": "me@example.com"}).status


def test_what_strangers_wrote_is_text(signed_in):
    signed_in.post("/logins/shop", {"note": "<script>alert(1)</script>"})
    page = signed_in.get("/logins").body.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_it_is_written_down_who_changed_what(signed_in):
    signed_in.post("/logins/shop", [("switch", "inline_css")])
    signed_in.post("/logins/shop/delete")
    said = text(signed_in.get("/changes"))
    assert "ada deleted the login shop 127.0.0.1" in said
    assert "ada changed the login, switches: inline_css shop 127.0.0.1" in said


def test_limits_that_were_changed_are_written_down(signed_in):
    signed_in.post("/logins/shop", {"per_hour": "2", "senders": "a.example"})
    said = text(signed_in.get("/changes"))
    assert "may send as: a.example; recipients an hour: 2 shop" in said
    assert "recipients a day" not in said


def test_changes_come_in_portions(signed_in, stored):
    one = {"time": NOW, "operator": "ada", "action": "changed the login", "subject": "shop", "client": ""}
    with for_writing(stored.engine).begin() as connection:
        connection.execute(operator_changes.insert(), [one] * 120)
    first = signed_in.get("/changes").body.decode()
    [earlier] = re.findall(r'"(/changes\?before=\d+)"', first)
    assert 100 == first.count("changed the login")
    assert 20 == signed_in.get(earlier).body.decode().count("changed the login")
    assert 400 == signed_in.get("/changes?before=x").status


def test_a_change_is_found_by_who_what_and_to_what(signed_in, stored):
    told = [("root (command line)", "disabled the login", "shop_1"), ("token 7f", "made the login", "shopX1")]
    facts = [{"operator": who, "action": what, "subject": to} for who, what, to in told]
    with for_writing(stored.engine).begin() as connection:
        connection.execute(
            operator_changes.insert(), [{**one, "time": NOW, "client": ""} for one in facts * 101]
        )
    for sought in ("SHOP_1", "root", "disabled"):
        page = signed_in.get(f"/changes?sought={sought}").body.decode()
        assert (100, 0) == (page.count(">shop_1</td>"), page.count("shopX1"))
    [earlier] = re.findall(r'"(/changes\?before=[^"]+)"', page)
    assert 1 == signed_in.get(earlier.replace("&amp;", "&")).body.decode().count(">shop_1</td>")
    assert "Nothing of that." in text(signed_in.get("/changes?sought=%25"))


# -- messages --------------------------------------------------------------------------------------------

HOSTILE = (
    "<script>parent.alert(1)</script><img src=x onerror=alert(1)><a href='https://x.example/'>x</a>"
    "<meta http-equiv=refresh content='0;url=https://x.example/'>"
)


@pytest.fixture
def sent(signed_in):
    """The path of a message's page, of one that was sent."""
    answered = signed_in.rest.send(html=HOSTILE, subject="<b>hi</b> hello", tags=["spring"])
    return f"/messages/{next(iter(answered.json))}"


def test_a_message_is_found_by_what_is_known_of_it(signed_in, sent):
    found = f'href="{sent}"'
    for query in (
        "",
        "?recipient=john%40doe.example",
        "?login=shop",
        "?tag=spring",
        "?subject=hello",
        "?sender=info%40example.com",
        "?since=2026-05-28&until=2026-05-28",
        "?since=0001-01-01&until=9999-12-31",
    ):
        assert found in signed_in.get(f"/messages{query}").body.decode()
    for query in (
        "?recipient=other%40doe.example",
        "?login=x",
        "?tag=x",
        "?since=2026-05-29",
        "?until=2026-05-27",
    ):
        assert found not in signed_in.get(f"/messages{query}").body.decode()
    assert sent == signed_in.get(f"/messages?id={sent.rpartition('/')[2]}").headers["Location"]


def test_messages_come_in_portions(signed_in):
    for _ in range(60):
        signed_in.rest.send()
    first = signed_in.get("/messages?login=shop").body.decode()
    [earlier] = re.findall(r'"(/messages\?[^"]*before=\d+)"', first)
    second = signed_in.get(unescape(earlier)).body.decode()
    of = [set(re.findall(r'"(/messages/\w+)"', page)) for page in (first, second)]
    assert [50, 10] == [len(one) for one in of]
    assert not of[0] & of[1]


def test_a_search_that_means_nothing_is_told(signed_in):
    for query in ("?before=x", "?since=x", "?state=lost", "?subject=a+-"):
        assert signed_in.get(f"/messages{query}").status in {400, 404, 422}


def test_what_waits_is_looked_for_in_the_queue(signed_in):
    answered = signed_in.get("/messages?state=waiting&login=shop&tag=spring")
    assert (303, "/queue?login=shop") == (answered.status, answered.headers["Location"])


def test_a_strangers_html_is_never_in_our_page(signed_in, sent):
    page = signed_in.get(sent).body.decode()
    assert "<script>parent" not in page
    assert "<b>hi</b>" not in page
    assert "&lt;b&gt;hi&lt;/b&gt; hello" in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page


def test_a_strangers_html_has_an_origin_of_its_own_and_loads_nothing(signed_in, sent):
    framed = signed_in.get(f"{sent}/html")
    assert HOSTILE.encode() in framed.body
    policy = framed.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; ")
    assert "script" not in policy
    assert "same-origin" not in policy


def test_the_timeline_tells_what_happened(signed_in, sent):
    said = text(signed_in.get(f"{sent}/timeline"))
    assert said.startswith("State: due backlog Accepted 2026-05-28 ")


def test_a_message_is_sent_again(signed_in, sent):
    answered = signed_in.post(f"{sent}/resend")
    assert 303 == answered.status
    assert answered.headers["Location"] != sent
    first, second = signed_in.rest.messages
    assert (first.content, first.tags) == (second.content, second.tags)


def test_a_message_that_is_not_there_has_a_page(signed_in):
    assert 404 == signed_in.get("/messages/aaaaaaaaaaaaa").status
    assert 404 == signed_in.get("/messages/x/timeline").status


# -- what others do in the same moment -------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"enabled": False}, {"role": Role.VIEW}, {"password_hash": "given"}],
    ids=lambda one: next(iter(one)),
)
def test_who_changes_his_password_does_not_undo_what_is_done_to_him(changing, change):
    changing.sign_in()
    changing.operators.change = change
    form = {"password": "right", "new": "a new long password", "again": "a new long password"}
    assert 409 == changing.post("/account/password", form).status
    changing.operators.change = {}
    now = result(changing.operators.operator("ada"))
    assert change == {name: getattr(now, name) for name in change}


def test_an_administrators_page_does_not_undo_what_another_does(changing):
    changing.sign_in()
    path = "/operators/root/role"
    changing.operators.session = changing.operators._operators.session
    changing.operators.change = {"enabled": False}
    assert 409 == changing.post(path, {"role": "view"}).status
    changing.operators.change = {}
    assert not result(changing.operators.operator("root")).enabled


def test_a_password_that_is_changed_while_it_is_tried_opens_nothing(changing):
    changing.operators.change = {"password_hash": passwords.keep_chosen("another", bytes)}
    answered = changing.post("/sign-in", {"name": "ada", "password": "right"})
    assert 403 == answered.status
    assert "Set-Cookie" not in answered.headers
