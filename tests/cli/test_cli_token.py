"""`smtpeter token …`."""

import pytest

from smtpeter.accounts import tokens


def test_a_login_gets_a_token_that_is_shown_once(listed, smtpeter):
    listed("login", "create", "shop")
    made = listed("token", "create", "--login", "shop", "--note", "till")
    text = made.pop("token")
    assert tokens.split(text)[0] == made["id"]
    assert ["send", "read", "queue"] == made["scopes"]
    assert [made] == listed("token", "list")
    assert [made] == listed("token", "list", "--login", "shop")
    assert [] == listed("token", "list", "--login", "other")
    assert text not in smtpeter("token", "list").output


def test_for_people_the_token_stands_on_a_line(listed, smtpeter):
    listed("login", "create", "shop")
    assert "shown this once" in smtpeter("token", "create", "--login", "shop").output


def test_an_operator_has_no_login(listed):
    made = listed("token", "create", "--operator")
    assert ("", ["read", "queue", "admin"]) == (made["login"], made["scopes"])


def test_a_token_may_do_less(listed):
    listed("login", "create", "shop")
    assert ["read"] == listed("token", "create", "--login", "shop", "--scope", "read")["scopes"]


@pytest.mark.parametrize("by", ["id", "token"])
def test_a_revoked_token_is_gone(listed, smtpeter, by):
    made = listed("token", "create", "--operator")
    assert 0 == smtpeter("token", "revoke", made[by]).exit_code
    assert [] == listed("token", "list")
    assert "no such token" in smtpeter("token", "revoke", made[by]).output


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "name a login"),
        (("--login", "nobody"), 1, "no login 'nobody'"),
        (("--login", "nobody", "--operator"), 2, "name a login"),
        (("--operator", "--scope", "send"), 1, "send needs a login"),
        (("--operator", "--scope", "fly"), 2, "'fly' is not one of"),
    ],
    ids=["nothing", "no such login", "both", "send", "unknown scope"],
)
def test_what_is_wrong_is_said(smtpeter, words, status, said):
    ended = smtpeter("token", "create", *words)
    assert (status, True) == (ended.exit_code, said in ended.output)
