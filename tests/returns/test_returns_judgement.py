"""For whom mail is taken: genuine tokens in any case, postmaster, the complaint addresses, and nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpeter.message.address import Address
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import Refusal
from smtpeter.message.token import KeyRing
from smtpeter.returns.judgement import Reach, ReturnPath, Role, judge

RING = KeyRing({0: bytes(32), 1: bytes([1]) * 32}, 1)
REACH = Reach(
    frozenset({"b.example", "xn--bcher-kva.example"}), "mail.example", frozenset({"fbl@c.example"}), True
)
TOKEN = RING.return_path(DeliveryId(77))


def judged(local_part, domain, reach=REACH):
    try:
        return judge(Address(local_part, domain), reach, RING)
    except Refusal as refusal:
        return refusal.reply.code, refusal.reply.enhanced


@pytest.mark.row(131)
@pytest.mark.parametrize("case", [str, str.upper, str.title])
@pytest.mark.parametrize("domain", ["b.example", "B.Example", "bücher.example", "XN--BCHER-KVA.example"])
def test_genuine_tokens_in_any_case(case, domain):
    assert DeliveryId(77) == judged(case(TOKEN), domain).delivery


def test_tokens_of_every_key_on_the_ring():
    old = KeyRing({0: bytes(32)}, 0).return_path(DeliveryId(5))

    assert DeliveryId(5) == judged(old, "b.example").delivery


@pytest.mark.row(131)
@given(st.integers(0, 27), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_wrong_character_is_enough(place, character):
    forged = TOKEN[:place] + character + TOKEN[place + 1 :]
    expected = ReturnPath if forged == TOKEN else tuple

    assert isinstance(judged(forged, "b.example"), expected)


@given(st.text(max_size=64))
def test_nothing_else_is_a_token_and_nothing_raises(text):
    found = judged(text, "b.example")

    assert found == (550, "5.1.1") or text.lower() in {"postmaster", TOKEN}


@pytest.mark.row(131)
@pytest.mark.parametrize(
    ("local_part", "domain", "expected"),
    [
        (TOKEN[:-1], "b.example", (550, "5.1.1")),
        (TOKEN + "a", "b.example", (550, "5.1.1")),
        (TOKEN, "elsewhere.example", (550, "5.7.1")),
        (TOKEN, "mail.example", (550, "5.1.1")),  # our name, but no bounce domain
        (TOKEN, "[192.0.2.1]", (550, "5.7.1")),
        (TOKEN, "", (550, "5.1.1")),
        ("mailer-daemon", "mail.example", (550, "5.1.1")),
        ("Postmaster", "", Role.POSTMASTER),
        ("PostMaster", "B.example", Role.POSTMASTER),
        ("postmaster", "MAIL.example", Role.POSTMASTER),
        ("postmaster", "elsewhere.example", (550, "5.7.1")),
        ("FBL", "C.example", Role.COMPLAINTS),
        ("fbl", "b.example", (550, "5.1.1")),
    ],
)
def test_who_is_taken(local_part, domain, expected):
    assert expected == judged(local_part, domain)


def test_postmaster_whose_mail_nobody_reads():
    reach = Reach(REACH.hosts, REACH.hostname, REACH.complaints, has_postmaster=False)

    assert (550, "5.1.1") == judged("postmaster", "b.example", reach)
