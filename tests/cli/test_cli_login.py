"""`smtpeter login …`"""

import pytest

from smtpeter.accounts.model import Login


def test_a_new_login_has_all_switches_off_and_shows_its_password_once(smtpeter, listed):
    made = listed("login", "create", "news")

    assert ("news", [], True) == (made["username"], made["switches"], made["enabled"])
    assert 26 == len(made["password"])
    shown = listed("login", "show", "news")
    assert "password" not in shown
    assert [shown] == listed("login", "list")
    assert made["password"] not in smtpeter("login", "show", "news").output


def test_a_login_without_a_name_is_given_one(listed):
    assert listed("login", "create")["username"] != listed("login", "create")["username"]


def test_switches_that_are_not_named_stay_as_they_are(listed):
    listed("login", "create", "news", "--track-clicks", "--prevent-scam", "--sender", "example.com")

    changed = listed("login", "modify", "news", "--no-prevent-scam", "--track-opens")

    assert ["track_clicks", "track_opens"] == changed["switches"]
    assert ["example.com"] == changed["senders"]
    assert [] == listed("login", "modify", "news", "--any-sender")["senders"]


def test_rotating_gives_another_password(listed):
    first = listed("login", "create", "news")["password"]

    assert first != listed("login", "rotate", "news")["password"]
    assert listed("login", "show", "news")["previous_until"] is None
    assert listed("login", "rotate", "news", "--keep-old", "7d")["previous_until"] is not None


def test_a_password_of_ones_own_is_taken_and_not_shown(smtpeter, listed):
    made = smtpeter("login", "create", "news", "--password-stdin", input="correct horse\n")

    assert 0 == made.exit_code
    assert "correct horse" not in made.output
    assert "password" not in listed("login", "show", "news")


def test_disable_enable_delete(smtpeter, listed):
    listed("login", "create", "news")

    assert not listed("login", "disable", "news")["enabled"]
    assert listed("login", "enable", "news")["enabled"]
    assert 0 == smtpeter("login", "delete", "news").exit_code
    assert [] == listed("login", "list")


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (("login", "show", "nobody"), 1, "no login 'nobody'"),
        (("login", "modify", "nobody"), 1, "no login 'nobody'"),
        (("login", "delete", "nobody"), 1, "no login 'nobody'"),
        (("login", "create", "news"), 1, "a login 'news' exists already"),
        (
            ("login", "create", "x", "--forward-bounces", "me"),
            2,
            '\'me\': expected "return path", "none" or an address',
        ),
        (("login", "create", "x", "--suppress-for", "week"), 2, "--suppress-for: expected a duration"),
        (("login", "modify", "news", "--any-sender", "--sender", "a.example"), 2, "exclude each other"),
        (("login", "create", "x\x1b[2J"), 1, "a username has 1 to 255 octets"),
        (("login", "create", "x\udcff"), 1, "a username has 1 to 255 octets"),
        (("login", "create", "ü" * 128), 1, "a username has 1 to 255 octets"),
        (("login", "create", ""), 1, "a username has 1 to 255 octets"),
        (("login", "create", "x", "--sender", "foo bar"), 2, "'foo bar' is no address, domain or .domain"),
        (("login", "create", "x", "--sender", ""), 2, "'' is no address, domain or .domain"),
        (("lgoin", "list"), 2, "No such command 'lgoin'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(smtpeter, listed, words, status, problem):
    listed("login", "create", "news")

    ended = smtpeter(*words)

    assert status == ended.exit_code
    assert problem in ended.stderr.splitlines()[-1]
    assert ended.stdout == ""


def test_an_empty_password_is_refused(smtpeter):
    ended = smtpeter("login", "create", "news", "--password-stdin", input="\n")

    assert (1, "Error: a password cannot be empty\n") == (ended.exit_code, ended.stderr)


def test_tags_and_limits(smtpeter, listed):
    made = listed("login", "create", "news", "--tag", "spring", "--tag", "shop", "--per-hour", "100")
    assert (["spring", "shop"], 100, 0) == (made["tags"], made["per_hour"], made["per_day"])
    changed = listed("login", "modify", "news", "--per-day", "1000")
    assert (["spring", "shop"], 100, 1000) == (changed["tags"], changed["per_hour"], changed["per_day"])
    changed = listed("login", "modify", "news", "--tag", "", "--per-hour", "0")
    assert ([], 0, 1000) == (changed["tags"], changed["per_hour"], changed["per_day"])
    for words, said in (
        (("--tag", "two words"), "a tag has 1 to 100 characters"),
        (("--per-hour", "-1"), "-1 is not in the range"),
        (("--per-day", "many"), "is not a valid integer"),
    ):
        ended = smtpeter("login", "modify", "news", *words)
        assert (2, True) == (ended.exit_code, said in ended.output), ended.output


def test_what_is_done_to_a_login_meanwhile_stays(smtpeter, listed, monkeypatch):
    listed("login", "create", "shop")
    rotated = Login.rotated

    def meanwhile(login, *given):
        monkeypatch.undo()
        smtpeter("login", "disable", "shop")
        return rotated(login, *given)

    monkeypatch.setattr(Login, "rotated", meanwhile)
    assert 0 == smtpeter("login", "rotate", "shop").exit_code
    assert [False] == [one["enabled"] for one in listed("login", "list")]
