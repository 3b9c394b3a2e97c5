"""`smtpeter suppression …`, what logins say about bounces, and the text of what came back."""

import pytest

from smtpeter.cli.store import configured, opened
from smtpeter.journal.events import Bounced
from smtpeter.message.identifier import show
from smtpeter.spool.returned import Returned


def test_add_list_remove(smtpeter, listed):
    listed("login", "create", "news")
    assert {"added": 1} == listed(
        "suppression", "add", "Joe@Example.com", "--login", "news", "--reason", "asked"
    )
    assert {"added": 2} == listed("suppression", "add", "joe@example.com", "ann@example.com")
    listed("suppression", "add", "joe@example.com", "--domain", "Bücher.example", "--for", "1d")

    rows = [
        (row["recipient"], row["scope"], row["name"], row["reason"]) for row in listed("suppression", "list")
    ]
    assert [
        ("ann@example.com", "everybody", "", "added by an operator"),
        ("joe@example.com", "everybody", "", "added by an operator"),
        ("joe@example.com", "domain", "xn--bcher-kva.example", "added by an operator"),
        ("joe@example.com", "login", "news", "asked"),
    ] == rows
    [temporary] = listed("suppression", "list", "--domain", "bücher.example")
    assert temporary["expires"] > temporary["created"]

    assert {"removed": 1} == listed("suppression", "remove", "joe@example.com", "--login", "news")
    assert {"removed": 2} == listed("suppression", "remove", "JOE@example.com")
    assert "ann@example.com" in smtpeter("suppression", "list").output
    assert 1 == smtpeter("suppression", "remove", "joe@example.com").exit_code


def test_an_empty_list_is_told(smtpeter):
    assert "Nobody is on the suppression list." in smtpeter("suppression", "list").output


def test_what_is_exported_can_be_imported(smtpeter, listed):
    listed("login", "create", "news")
    listed(
        "suppression",
        "add",
        "joe@example.com",
        "--login",
        "news",
        "--reason",
        'said "no", twice',
        "--for",
        "9d",
    )
    listed("suppression", "add", "ann@example.com")
    before = listed("suppression", "list")
    exported = smtpeter("suppression", "export").stdout
    assert before == listed("suppression", "export")
    listed("suppression", "remove", "joe@example.com", "ann@example.com")

    assert {"added": 2} == listed("suppression", "import", input=exported)
    assert before == listed("suppression", "list")
    assert {"added": 0} == listed("suppression", "import", input=exported)


def test_one_address_a_line_will_do(listed):
    listed("login", "create", "news")
    text = "\ufeffjoe@example.com\r\n\r\n  ann@example.com \r\n"

    assert {"added": 2} == listed("suppression", "import", "--login", "news", "--reason", "moved", input=text)
    assert {("login", "moved")} == {(row["scope"], row["reason"]) for row in listed("suppression", "list")}


def test_the_list_is_searched_by_a_part_of_the_address(listed):
    listed("suppression", "add", "joe@example.com", "ann@example.com", "a_b@example.org")
    for sought, found in (
        ("JOE@", ["joe@example.com"]),
        ("_", ["a_b@example.org"]),
        ("@example.com", ["ann@example.com", "joe@example.com"]),
    ):
        rows = listed("suppression", "list", "--recipient", sought)
        assert found == [row["recipient"] for row in rows]


def test_a_list_of_more_than_a_page(listed):
    text = "".join(f"r{number}@example.com\n" for number in range(1203))

    assert {"added": 1203} == listed("suppression", "import", input=text)
    assert 1203 == len(listed("suppression", "list"))


@pytest.mark.parametrize(
    ("words", "text", "status", "problem"),
    [
        (("add", "joe"), "", 1, "'joe' is no address"),
        (("add", "a@b.c", "--login", "typo"), "", 1, "no login 'typo'"),
        (("import", "--login", "typo"), "a@b.c", 1, "no login 'typo'"),
        (("add", "a@b.c", "--login", "x", "--domain", "y.example"), "", 2, "exclude each other"),
        (("add", "a@b.c", "--domain", "y..z"), "", 2, "--domain: 'y..z'"),
        (("add", "a@b.c", "--for", "long"), "", 2, "--for: expected a duration"),
        (("import",), "a@b.c\nnonsense\n", 1, "line 2: 'nonsense' is no address"),
        (("import",), "a@b.c,here\n", 1, "line 1: 'here': expected login:NAME, domain:NAME, or nothing"),
        (("import",), "a@b.c,,,yesterday\n", 1, "line 1: time data 'yesterday'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(smtpeter, listed, words, text, status, problem):
    ended = smtpeter("suppression", *words, input=text)

    assert status == ended.exit_code
    assert problem in ended.stderr.splitlines()[-1]
    assert [] == listed("suppression", "list")


def test_what_a_login_wants_done_about_bounces(listed):
    made = listed("login", "create", "news", "--track-bounces")
    wishes = ("forward_bounces", "suppress", "suppressed", "suppress_for")
    assert ["return path", "none", "fail", 0] == [made[name] for name in wishes]

    changed = listed(
        "login", "modify", "news", "--forward-bounces", "Desk@help.example", "--suppress", "domain",
        "--suppressed", "refuse", "--suppress-for", "2d",
    )  # fmt: skip
    assert ["Desk@help.example", "domain", "refuse", 172800] == [changed[name] for name in wishes]
    again = listed("login", "modify", "news", "--forward-bounces", "return-path", "--note", "x")
    assert ["return path", "domain"] == [again[name] for name in wishes[:2]]
    assert "none" == listed("login", "modify", "news", "--forward-bounces", "none")["forward_bounces"]


def test_the_text_of_what_came_back(smtpeter, listed, configuration):
    text = b"Subject: Undelivered\r\n\r\nGr\xfc\xdfe\r\n"
    event = Bounced(time=1.8e9, delivery=77, message=0, action="failed", original=5)
    with opened(configured(configuration)) as store:
        store.run(store.returns.keep(Returned(5, 1.8e9, text, (event,))))

    assert text == smtpeter("message", "returned", show(77)).stdout_bytes
    [told] = listed("events", "--kind", "bounce")
    assert text.decode("utf-8", "replace") == told["data"]["mime"]
    assert ("", "failed") == (told["data"]["message"], told["data"]["action"])
    assert "1 came back" in smtpeter("message", "returned", show(77), "--number", "2").stderr
