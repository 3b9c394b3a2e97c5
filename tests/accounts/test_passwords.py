"""Passwords: what is kept of them, and what verifying costs."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.accounts.passwords import (
    UnusablePassword,
    generate,
    is_slow,
    keep_chosen,
    keep_generated,
    make,
    stand_in,
    verify,
)


def test_a_generated_password_has_128_bits_and_is_kept_salted():
    password = generate(secrets.token_bytes)
    assert 26 == len(password)
    assert password.isalnum()
    first, second = (keep_generated(password, secrets.token_bytes) for _ in range(2))
    assert first.startswith("blake2$")
    assert first != second
    assert password not in first
    assert verify(password.encode(), first)
    assert not verify(password.upper().encode(), first)
    assert not is_slow(first)


def test_a_password_is_made_with_what_is_kept_of_it():
    password, kept = make(secrets.token_bytes)
    assert verify(password.encode(), kept)


def test_generated_passwords_differ():
    assert 100 == len({generate(secrets.token_bytes) for _ in range(100)})


def test_a_chosen_password_is_kept_as_argon2id():
    kept = keep_chosen("correct horse", secrets.token_bytes)
    assert kept.startswith("$argon2id$")
    assert is_slow(kept)
    assert verify(b"correct horse", kept)
    assert not verify(b"correct horsf", kept)


@pytest.mark.row(67)
@pytest.mark.parametrize(("password", "text"), [("", "empty"), ("a\0b", "NUL"), ("x" * 1025, "1024")])
def test_what_cannot_be_a_password_is_refused(password, text):
    with pytest.raises(UnusablePassword, match=text):
        keep_chosen(password, secrets.token_bytes)


@pytest.mark.row(67)
@pytest.mark.parametrize("password", ["pä:ss wörd", "x" * 1024, "\U0001f511", "'; --"])
def test_passwords_of_many_kinds(password):
    assert verify(password.encode(), keep_chosen(password, secrets.token_bytes))
    assert verify(password.encode(), keep_generated(password, secrets.token_bytes))


@pytest.mark.parametrize("keep", [keep_generated, keep_chosen])
def test_nul_and_endless_passwords_match_nothing(keep):
    kept = keep("a", secrets.token_bytes)
    assert not verify(b"a\0", kept)
    assert not verify(b"\0", kept)
    assert not verify(b"a" * 5000, kept)


@pytest.mark.row(65)
def test_a_stand_in_costs_what_a_chosen_password_costs_and_nothing_matches_it():
    kept = stand_in(secrets.token_bytes)
    assert is_slow(kept)
    assert kept.split("$")[1:4] == keep_chosen("x", secrets.token_bytes).split("$")[1:4]
    assert not verify(b"", kept)


@given(st.text(max_size=80), st.binary(max_size=20))
def test_whatever_is_kept_verifying_never_fails(stored, password):
    assert not verify(password, stored)


@pytest.mark.parametrize(
    "stored", ["", "blake2", "blake2$", "blake2$zz$zz", "blake2$00$é", "$argon2id$", "$argon2id$v=19$x"]
)
def test_what_is_damaged_matches_nothing(stored):
    assert not verify(b"x", stored)
