"""What leaves: rendered, made 7-bit, then signed, and signed once where all recipients get the same."""

import dataclasses

import dkim
import pytest
from twisted.internet.defer import maybeDeferred

from smtpeter.accounts import signing_keys
from smtpeter.accounts.model import Algorithm
from smtpeter.message.address import Address
from smtpeter.message.edit import Literal, Slot, SlotKind, Span, Target, Template
from smtpeter.message.envelope import Notify, OriginalRecipient, Recipient
from smtpeter.message.returning import Returning
from smtpeter.message.token import KeyRing
from smtpeter.relay.interface import CannotConvert
from smtpeter.rewrite.signature import Signatures, Signer
from smtpeter.service.outgoing import Rendered
from tests.storage.stores import accepted, result

KEYS = {algorithm: signing_keys.make(algorithm.value, algorithm, 0.0) for algorithm in Algorithm}
HEAD = b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
RING = KeyRing({0: bytes(32)}, 0)


class Office:
    """The keys of example.com, a clock, and what leaves."""

    def __init__(self):
        self.now = 1000.0
        self.made_beside = 0
        self.rotate()
        self.rendered = Rendered(lambda: RING, lambda: self.signatures, lambda: self.now, self.beside)

    def beside(self, function, *arguments, **named):
        self.made_beside += 1
        return maybeDeferred(function, *arguments, **named)

    def rotate(self):
        self.signatures = Signatures(Signer("example.com", key) for key in KEYS.values())

    def content(self, mail, number=0, *, eight_bit=True):
        return self.rendered.content(mail.message, mail.deliveries[number], eight_bit=eight_bit)


@pytest.fixture
def office():
    return Office()


def mail(body="Grüße\r\n", number=1, **more):
    return accepted(number, ("a@a.example", "b@b.example"), content=HEAD + body.encode(), **more)


def tracked():
    content = HEAD + b"https://click.example/x\r\n"
    pieces = (
        Span(0, len(HEAD)),
        Literal(b"https://click.example/"),
        Slot(SlotKind.CLICK, 0),
        Literal(b"\r\n"),
    )
    made = mail()
    template = Template(pieces, (Target(SlotKind.CLICK, "https://x.example/"),))
    message = dataclasses.replace(made.message, content=content, template=template)
    return dataclasses.replace(made, message=message)


def is_verified(content, index=0):
    return dkim.DKIM(content).verify(
        idx=index, dnsfunc=lambda name, **_: _published(name.decode().partition(".")[0])
    )


def _published(selector):
    return signing_keys.record(KEYS[Algorithm(selector)]).encode()


@pytest.mark.row(86)
@pytest.mark.row(109)
def test_what_is_made_7_bit_is_signed_after_that(office):
    content = office.content(mail(), eight_bit=False)
    assert content.isascii()
    assert b"Content-Transfer-Encoding: base64" in content
    assert is_verified(content)
    assert is_verified(content, 1)


@pytest.mark.row(86)
def test_what_leaves_as_it_is_is_signed_as_it_is(office):
    content = office.content(mail())
    assert "Grüße".encode() in content
    assert is_verified(content)


@pytest.mark.row(86)
def test_each_recipient_of_tracked_mail_has_a_signature_of_his_own(office):
    one, other = office.content(tracked(), 0), office.content(tracked(), 1)
    assert one != other
    assert is_verified(one)
    assert is_verified(other)


def test_what_cannot_be_made_7_bit_is_not_signed_either(office):
    made = mail()
    sealed = (
        HEAD.replace(b"text/plain; charset=utf-8", b'multipart/signed; boundary="b"')
        + "--b\r\n\r\nü\r\n--b--\r\n".encode()
    )
    message = dataclasses.replace(made.message, content=sealed, template=Template((Span(0, len(sealed)),)))
    with pytest.raises(CannotConvert):
        office.content(dataclasses.replace(made, message=message), eight_bit=False)


def test_the_same_for_all_recipients_is_signed_once(office):
    first = office.content(mail())
    office.now += 1
    assert first == office.content(mail(), 1)
    assert b"t=1000;" in first


def test_other_content_is_signed_anew(office):
    office.content(mail())
    office.now += 1
    assert b"t=1001;" in office.content(mail(), eight_bit=False)
    assert b"t=1001;" in office.content(mail(number=2))


def test_new_keys_sign_anew(office):
    office.content(mail())
    office.now += 1
    office.rotate()
    assert b"t=1001;" in office.content(mail())


def test_only_so_many_signatures_are_remembered(office):
    office.content(mail("x\r\n", 1))
    office.signatures = Signatures()
    for number in range(1000):
        office.content(mail("x\r\n", number))
    assert 1000 == len(office.rendered._remembered)


def test_mail_of_other_domains_leaves_as_before(office):
    made = accepted(content=b"From: a@example.org\r\n\r\nHello\r\n")
    assert b"Received: x\r\n" + made.message.content == office.content(made)


RETURNING = Returning("b.example", 0, None)


def test_a_tracked_message_leaves_with_a_return_path_of_each_delivery():
    ring = KeyRing({0: bytes(32), 1: b"1" * 32}, 1)
    rendered = Rendered(lambda: ring, lambda: Signatures(()), lambda: 0.0, beside=None)
    made = mail(returning=RETURNING)
    paths = [rendered.return_path(made.message, delivery) for delivery in made.deliveries]

    assert {"b.example"} == {path.domain for path in paths}
    assert [d.id for d in made.deliveries] == [ring.read_return_path(path.local_part) for path in paths]
    # The key is the one of the acceptance, so that the path stays what it was when keys are rotated.
    assert KeyRing({0: bytes(32)}, 0).return_path(made.deliveries[0].id) == paths[0].local_part
    assert rendered.per_recipient(made.message)
    untracked = mail()
    assert untracked.message.envelope.return_path == rendered.return_path(
        untracked.message, untracked.deliveries[0]
    )


@pytest.mark.row(122)
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (None, Notify.FAILURE | Notify.DELAY),
        (Notify.NEVER, Notify.FAILURE | Notify.DELAY),
        (Notify.FAILURE, Notify.FAILURE | Notify.DELAY),
        (Notify.SUCCESS, Notify.SUCCESS | Notify.FAILURE | Notify.DELAY),
        (Notify.DELAY, Notify.FAILURE | Notify.DELAY),
    ],
)
def test_the_next_hop_of_tracked_mail_is_asked_for_failure_and_delay(office, asked, told):
    orcpt = OriginalRecipient("rfc822", "first@a.example")
    recipient = Recipient(Address("a", "a.example"), notify=asked, orcpt=orcpt)
    made = accepted(recipients=(recipient,), returning=RETURNING)

    assert dataclasses.replace(recipient, notify=told) == office.rendered.recipient(
        made.message, made.deliveries[0]
    )
    untracked = accepted(recipients=(recipient,))
    assert recipient == office.rendered.recipient(untracked.message, untracked.deliveries[0])


def test_what_strangers_wrote_is_never_signed_as_ours(office):
    own, foreign = mail("Hello\r\n"), mail("Hello\r\n", 2, foreign=True)

    assert office.content(own).startswith(b"DKIM-Signature:")
    assert foreign.message.content == office.content(foreign).partition(b"Received: x\r\n")[2]


def test_what_is_large_is_made_beside_the_conversations(office):
    small = mail("x\r\n")
    assert is_verified(office.content(small))
    assert 0 == office.made_beside
    large = mail(("x" * 70 + "\r\n") * 4000, 3)
    assert is_verified(result(office.content(large)))
    assert 1 == office.made_beside
