"""`smtpeter operator …`."""

from smtpeter.accounts import passwords


def test_an_operator_is_made_and_its_password_shown_once(smtpeter, listed):
    made = listed("operator", "create", "ada")
    assert 26 == len(made["password"])
    assert [("ada", "administer", False)] == [
        (one["name"], one["role"], one["totp"]) for one in listed("operator", "list")
    ]
    assert made["password"] not in smtpeter("operator", "list").output


def test_a_chosen_password_is_not_shown(smtpeter, listed):
    assert {"name": "ada"} == listed("operator", "create", "ada", "--password-stdin", input="secret\n")
    assert 0 == smtpeter("operator", "password", "ada", "--password-stdin", input="other\n").exit_code


def test_what_cannot_be_is_said(smtpeter):
    smtpeter("operator", "create", "ada")
    for words, said in (
        (("create", "ada"), "exists already"),
        (("create", " "), "1 to 255 printable characters"),
        (("create", "token 7f"), "not like what a token or the command is called"),
        (("create", "root (command line)"), "not like what a token or the command is called"),
        (("create", "bob", "--password-stdin"), "cannot be empty"),
        (("role", "bob", "view"), "no operator 'bob'"),
        (("delete", "bob"), "no operator 'bob'"),
    ):
        ended = smtpeter("operator", *words)
        assert 1 == ended.exit_code
        assert said in ended.output


def test_the_last_who_administers_stays(smtpeter, listed):
    listed("operator", "create", "ada")
    listed("operator", "create", "bob", "--role", "operate")
    for words in (("role", "ada", "view"), ("disable", "ada"), ("delete", "ada")):
        ended = smtpeter("operator", *words)
        assert (1, True) == (ended.exit_code, "nobody else could administer then" in ended.output)
    assert 0 == smtpeter("operator", "role", "bob", "administer").exit_code
    assert 0 == smtpeter("operator", "disable", "ada").exit_code
    assert [("ada", False), ("bob", True)] == [
        (one["name"], one["enabled"]) for one in listed("operator", "list")
    ]
    assert 1 == smtpeter("operator", "delete", "bob").exit_code
    assert 0 == smtpeter("operator", "enable", "ada").exit_code
    assert 0 == smtpeter("operator", "delete", "bob").exit_code


def test_role_password_and_code_are_changed(smtpeter, listed):
    def of(name, *columns):
        [one] = [one for one in listed("operator", "list") if one["name"] == name]
        return tuple(one[column] for column in columns)

    listed("operator", "create", "root")
    first = listed("operator", "create", "ada", "--role", "view")["password"]
    assert first != listed("operator", "password", "ada")["password"]
    assert 0 == smtpeter("operator", "role", "ada", "operate").exit_code
    assert listed("operator", "totp", "ada")["uri"].startswith("otpauth://totp/")
    assert ("operate", True) == of("ada", "role", "totp")
    assert 0 == smtpeter("operator", "totp", "ada", "--off").exit_code
    assert (False,) == of("ada", "totp")
    assert 0 == smtpeter("operator", "delete", "ada").exit_code
    assert ["root"] == [one["name"] for one in listed("operator", "list")]


def test_a_password_is_kept_as_argon2id():
    assert passwords.keep_chosen("secret", bytes).startswith("$argon2id$")


def test_what_is_done_to_an_operator_meanwhile_stays(smtpeter, listed, monkeypatch):
    for name in ("ada", "bob"):
        listed("operator", "create", name)
    generate = passwords.generate

    def meanwhile(token_bytes):
        monkeypatch.undo()
        smtpeter("operator", "disable", "bob")
        return generate(token_bytes)

    monkeypatch.setattr(passwords, "generate", meanwhile)
    ended = smtpeter("operator", "password", "bob")
    assert (1, True) == (ended.exit_code, "operator 'bob' was changed meanwhile; try again" in ended.output)
    assert [True, False] == [one["enabled"] for one in listed("operator", "list")]
