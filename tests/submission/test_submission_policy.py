"""What a login may send, whence, and how far a message may have come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import UNIXAddress
from twisted.logger import capturedLogs, formatEvent

from smtpeter.message.address import parse
from smtpeter.message.mailboxes import mailboxes
from smtpeter.session.factory import Arrival
from smtpeter.submission.senders import may_send_as
from tests.submission.door import TRUSTED, Door, login, plain, reply, speak, submit, trusted

HEAD = b"Subject: x\r\n\r\n"
BOUND = login(senders=("example.test", ".sub.test", "only@one.test"))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("a@example.test", True),
        ("a@EXAMPLE.test", True),
        ("a@www.example.test", False),
        ("a@notexample.test", False),
        ("a@x.sub.test", True),
        ("a@x.y.sub.test", True),
        ("a@sub.test", False),
        ("only@one.test", True),
        ("Only@one.test", False),
        ("other@one.test", False),
        ("a@[192.0.2.1]", False),
    ],
)
def test_who_may_be_named(address, allowed):
    assert allowed == may_send_as(parse(address), BOUND.senders)
    assert may_send_as(parse(address), ())


def texts(events):
    return [formatEvent(event) for event in events]


def test_domains_are_compared_as_a_labels():
    assert may_send_as(parse("a@bücher.test", utf8=True), ("xn--bcher-kva.test",))
    assert may_send_as(parse("a@xn--bcher-kva.test"), ("bücher.test",))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a@b.test", ["a@b.test"]),
        ("A Name <a@b.test>", ["a@b.test"]),
        ('"evil@x.test" <a@b.test>', ["a@b.test"]),
        ('"a <evil@x.test>" <a@b.test>', ["a@b.test"]),
        ("a@b.test (evil@x.test)", ["a@b.test"]),
        ("(a (nested) <x@y.test>) a@b.test", ["a@b.test"]),
        ('(a " b) <evil@x.test>, " c) <a@b.test>', ["evil@x.test", None]),
        ("a@b.test, C <c@d.test>,, ", ["a@b.test", "c@d.test"]),
        ("Group: a@b.test, c@d.test;", ["a@b.test", "c@d.test"]),
        ("undisclosed:;", []),
        ("", []),
        ("a@b.test c@d.test", [None]),
        ("<a@b.test> <c@d.test>", ["a@b.test", None]),
        ("<a@b.test", [None]),
        ("name", [None]),
        ("(open <a@b.test>", [None]),
        ('"open <a@b.test>', [None]),
        ('"quoted local"@b.test', ['"quoted local"@b.test']),
        ("<<a@b.test>>", [None, None]),
    ],
)
def test_the_mailboxes_of_a_from_field(text, wanted):
    """None stands for what cannot be read, and is allowed to nobody."""
    assert wanted == [None if address is None else str(address) for address in mailboxes(text)]


@given(st.text(alphabet='a@b.<>(),:;"\\ \té', max_size=60))
def test_reading_from_never_fails_and_never_overlooks_an_angle_address(text):
    found = mailboxes(f"{text}, <evil@x.test>")
    evil = parse("evil@x.test")
    assert evil in found or None in found or _is_hidden(text)


def _is_hidden(text):
    """An open quote or comment may hide it from us as from everybody; then what follows is not an address."""
    return '"' in text or "(" in text


@pytest.mark.row(71)
def test_a_bound_login_may_use_its_return_paths_only():
    door, wire = trusted(logins=(BOUND,))
    said = speak(wire, "MAIL FROM:<a@other.test>", "MAIL FROM:<a@example.test>", "RSET", "MAIL FROM:<>")
    assert ["553 5.7.1", "250 2.1.0", "250 2.0.0", "250 2.1.0"] == [line[:9] for line in said]
    assert [] == door.messages


@pytest.mark.row(71)
@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"From: A <a@example.test>\r\n", "250"),
        (b"From: a@example.test, b@x.sub.test\r\n", "250"),
        (b"From: a@other.test\r\n", "550"),
        (b"From: a@example.test, a@other.test\r\n", "550"),
        (b"From: a@example.test\r\nfrom: a@other.test\r\n", "550"),
        (b"From: A\r\n <a@other.test>\r\n", "550"),
        (b"From: nobody\r\n", "550"),
        (b"", "550"),
    ],
)
@pytest.mark.parametrize("sender", ["a@example.test", ""])
def test_and_its_from_addresses_only(head, code, sender):
    _, wire = trusted(logins=(BOUND,))
    assert submit(wire, head + HEAD, sender=sender).startswith(code)


@pytest.mark.row(24)
def test_address_literals_of_our_own_network_are_taken_when_that_is_allowed():
    _, wire = trusted(allow_private=True)
    assert submit(wire, HEAD, recipients=("a@[127.0.0.1]", "a@[IPv6:::1]")).startswith("250")


@pytest.mark.row(24)
@pytest.mark.parametrize(
    ("literal", "code"),
    [
        ("127.0.0.1", "550 5.7.1"),
        ("IPv6:::ffff:127.0.0.1", "550 5.7.1"),
        ("IPv6:64:ff9b::7f00:1", "550 5.7.1"),
        ("IPv6:2002:7f00:1::", "550 5.7.1"),
        ("8.8.8.8", "250 2.1.5"),
        ("IPv6:64:ff9b::808:808", "250 2.1.5"),
    ],
)
def test_an_address_literal_of_no_public_host_is_refused_at_rcpt_not_by_a_dsn_later(literal, code):
    _, wire = trusted()
    assert speak(wire, "MAIL FROM:<a@b.test>", f"RCPT TO:<c@[{literal}]>")[1].startswith(code)


@pytest.mark.row(49)
@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"Received: a\r\nRECEIVED: b\r\n\tc\r\nreceived :d\r\n\r\n", "554 5.4.6"),
        (
            b"Received: a\r\nReceived-SPF: x\r\nX-Received: y\r\nSubject: x\r\n received: folded\r\n\r\n",
            "250",
        ),
        (b"Received: a\r\nReceived: b\r\n\r\nReceived: of the body\r\n", "250"),
        (b"\r\nReceived: a\r\nReceived: b\r\nReceived: c\r\n", "250"),
    ],
)
def test_hops_are_received_fields_of_the_header_section(head, code):
    _, wire = trusted(maximum_hops=3)
    assert submit(wire, head).startswith(code)


@pytest.mark.row(49)
@pytest.mark.parametrize(("hops", "code"), [(99, "250"), (100, "554 5.4.6")])
def test_a_message_that_goes_round_in_circles(hops, code):
    _, wire = trusted()
    assert submit(wire, b"Received: x\r\n" * hops + HEAD).startswith(code)


@pytest.mark.row(50)
def test_the_received_field_names_the_recipient_only_when_there_is_one():
    door, wire = trusted()
    submit(wire, HEAD, recipients=("c@d.test",))
    submit(wire, HEAD, recipients=("c@d.test", "blind@e.test"))
    one, two = (message.template.pieces[0].data for message in door.messages)
    assert one.startswith(b"Received: from client.test ([192.0.2.1]) by mail.test")
    assert b"with ESMTP id" in one
    assert b"for <c@d.test>" in one
    assert b"c@d.test" not in two
    assert b"blind" not in two


@pytest.mark.row(50)
@pytest.mark.parametrize("name", ["my_host.example", "192.0.2.7", "[192.0.2.7]", "[IPv6:2001:db8::7]"])
def test_whatever_ehlo_is_taken_stands_in_the_received_field(name):
    door, wire = trusted()
    assert speak(wire, f"EHLO {name}")[0].startswith("250")
    submit(wire, HEAD)
    assert door.messages[0].template.pieces[0].data.startswith(f"Received: from {name} (".encode())


@pytest.mark.row(72)
@pytest.mark.row(130)
def test_a_trusted_network_needs_neither_auth_nor_tls_and_others_do():
    door = Door(trusted_networks=TRUSTED)
    inside, outside = door.wire(), door.wire(address="198.51.100.1")
    for wire in (inside, outside):
        reply(wire)
        speak(wire, "EHLO client.test")
    assert speak(inside, "MAIL FROM:<a@b.test>")[0].startswith("250")
    assert speak(outside, "MAIL FROM:<a@b.test>")[0].startswith("530")


@pytest.mark.row(72)
def test_an_address_given_by_xclient_or_proxy_means_nothing_on_a_listener_that_does_not_speak_it():
    door = Door(trusted_networks=TRUSTED)
    wire = door.wire(address="198.51.100.1")
    wire.send(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
    assert ["220", "500"] == [reply(wire)[:3], reply(wire)[:3]]
    speak(wire, "XCLIENT ADDR=192.0.2.1", "EHLO client.test")
    assert speak(wire, "MAIL FROM:<a@b.test>")[0].startswith("530")


def test_the_narrowest_network_names_the_login():
    logins = (login(), login(username="bob"))
    door = Door(trusted_networks={"192.0.0.0/8": "alice", "192.0.2.0/28": "bob"}, logins=logins)
    for address in ("192.0.2.1", "192.1.0.1"):
        wire = door.wire(address=address)
        reply(wire)
        speak(wire, "EHLO client.test")
        submit(wire, HEAD)
    assert ["bob", "alice"] == [message.login for message in door.messages]


def test_a_trusted_network_whose_login_cannot_send_keeps_its_mail():
    """Mail that waits at the Postfix in front must not bounce because a login is missing here."""
    door, wire = trusted(logins=(login(enabled=False),))
    assert speak(wire, "MAIL FROM:<a@b.test>")[0].startswith("451 4.7.0")
    door.accounts.delete("alice")
    assert speak(wire, "MAIL FROM:<a@b.test>")[0].startswith("451 4.7.0")


def test_a_client_of_a_trusted_network_may_log_in_all_the_same(tmp_path):
    door = Door(tmp_path, trusted_networks={"192.0.2.0/24": "bob"}, logins=(login(), login(username="bob")))
    wire = door.wire(implicit_tls=True)
    reply(wire)
    speak(wire, "EHLO client.test", f"AUTH PLAIN {plain()}")
    submit(wire, HEAD)
    assert ["alice"] == [message.login for message in door.messages]


class TestProxy:
    """A listener that speaks the PROXY protocol believes nobody who does not."""

    ENDPOINT = "tcp:587"
    PROXIES = ("198.51.100.8/31",)

    def wire(self, door, address="198.51.100.9", **options):
        return door.wire(endpoint=self.ENDPOINT, address=address, **options)

    def door(self, tmp_path=None, **settings):
        return Door(
            tmp_path,
            starttls=(self.ENDPOINT,),
            proxy_protocol=(self.ENDPOINT,),
            proxies=self.PROXIES,
            trusted_networks=TRUSTED,
            **settings,
        )

    @pytest.mark.row(72)
    @pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
    def test_the_true_client_is_the_one_that_counts(self, bytewise):
        door = self.door()
        wire = self.wire(door, bytewise=bytewise)
        wire.send(b"PROXY TCP4 192.0.2.77 198.51.100.9 40000 587\r\nEHLO client.test\r\n")
        assert ["220", "250"] == [reply(wire)[:3], reply(wire)[:3]]
        submit(wire, HEAD)
        assert ["192.0.2.77"] == [message.facts["client"] for message in door.messages]
        assert 1 == door.quota.connections
        wire.lose()
        assert 0 == door.quota.connections

    @pytest.mark.parametrize("address", ["203.0.113.9", "192.0.2.1", "2001:db8::1"])
    def test_who_is_no_proxy_is_turned_away_whatever_it_says(self, address):
        """It would choose its address, and be a trusted network by that."""
        door = self.door()
        with capturedLogs() as events:
            wires = [self.wire(door, address=address) for _ in range(5)]
            for wire in wires:
                wire.send(b"PROXY TCP4 192.0.2.77 198.51.100.9 40000 587\r\nEHLO client.test\r\n")
        assert all(wire.closed for wire in wires)
        assert [b""] * 5 == [wire.read() for wire in wires]
        assert [f"{address}: not in submission.proxies, connections turned away: 1"] == texts(events)
        assert 0 == door.quota.connections

    def test_a_unix_socket_has_peers_without_an_address(self):
        """Its file's permissions say who may connect."""
        protocol = self.door().factory(self.ENDPOINT).buildProtocol(UNIXAddress(b"/run/proxy"))
        assert isinstance(protocol, Arrival)

    def test_who_gives_no_header_is_not_served(self):
        wire = self.wire(self.door())
        wire.send(b"EHLO client.test\r\n")
        assert wire.closed
        assert b"" == wire.read()

    def test_who_gives_half_a_header_is_not_waited_for(self):
        door = self.door()
        wire = self.wire(door)
        wire.send(b"PROXY TCP4 ")
        assert 1 == door.quota.connections
        wire.advance(31)
        assert wire.closed
        wire.lose()
        assert (0, 0) == (door.clock_calls(), door.quota.connections)

    def test_the_header_comes_before_implicit_tls(self, tmp_path):
        door = Door(
            tmp_path,
            implicit_tls=(self.ENDPOINT,),
            proxy_protocol=(self.ENDPOINT,),
            proxies=self.PROXIES,
            trusted_networks=TRUSTED,
        )
        wire = self.wire(door)
        factory = door.factory(self.ENDPOINT, implicit_tls=True)
        wire = type(wire)(
            factory, door.clock, address="198.51.100.9", context=wire._context, hostname="mail.test"
        )
        wire.deliver(b"PROXY TCP4 192.0.2.77 198.51.100.9 40000 587\r\n")
        wire.start_tls()
        assert reply(wire).startswith("220")
        assert wire.session is not wire.transport.protocol

    def test_the_limit_per_address_is_the_true_clients(self):
        door = self.door(maximum_connections_per_address=1)
        wires = [self.wire(door) for _ in range(3)]
        for wire, last in zip(wires, (1, 2, 2), strict=True):
            wire.send(f"PROXY TCP4 192.0.2.{last} 198.51.100.9 1 2\r\n".encode())
        assert ["220", "220", "421"] == [reply(wire)[:3] for wire in wires]


EVIL = b"From: evil@bank.test\r\nBcc: hidden@d.test\r\nx-smtpeter-tags: x\r\n"
GOOD = b"From: a@example.test\r\n"


@pytest.mark.row(71)
@pytest.mark.parametrize(
    ("head", "said"),
    [
        (GOOD + b"no field\r\n" + EVIL, "554 5.6.0"),
        (GOOD + b"X\xff: x\r\n" + EVIL, "554 5.6.0"),
        (GOOD + b"X y: x\r\n" + EVIL, "554 5.6.0"),
        (b"From: <a@example.test> <evil@bank.test>, <a@example.test>\r\n", "550 5.7.1"),
        (b"From: evil@bank.test: a@example.test;\r\n", "550 5.7.1"),
        (b"From: evil@bank.test <a@example.test>\r\n", "550 5.7.1"),
        (b"From: a@example.test\r\n" * 10, "250 2.6.0"),
        (b"From: a@example.test\r\n" * 4000, "550 5.7.1"),
    ],
)
def test_no_other_from_is_smuggled_past_the_rule(head, said):
    door, wire = trusted(logins=(BOUND,))
    answer = submit(wire, head + HEAD, sender="a@example.test")
    assert said == answer.replace("-", " ")[:9]
    assert said.startswith("250") == bool(door.messages)


@pytest.mark.row(71)
def test_a_header_section_may_end_with_the_content():
    _, wire = trusted(logins=(BOUND,))
    assert submit(wire, GOOD, sender="a@example.test").startswith("250")


@pytest.mark.parametrize("content", [GOOD + b"no field\r\n" + EVIL + b"\r\nx\r\n", b"all body\r\n" * 200_000])
def test_who_may_send_as_anybody_may_send_what_is_malformed(content):
    door, wire = trusted()
    assert submit(wire, content).startswith("250")
    assert content == door.messages[0].content


LINE = b"X-A: " + b"x" * 900 + b"\r\n"


@pytest.mark.row(71)
@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize(
    ("head", "code"),
    [
        (GOOD + b"X: y\r\n" * 9_998, "250"),
        (GOOD + b"X: y\r\n" * 10_000, "554 5.6.0"),
        (GOOD + b"X: y\r\n" * 10_000 + EVIL, "554 5.6.0"),
        (GOOD + LINE * 1_100, "250"),
        (GOOD + LINE * 1_103, "554 5.6.0"),
        (GOOD + LINE * 1_103 + EVIL, "554 5.6.0"),
        (GOOD + b"X: y\r\n" + b" folded\r\n" * 200_000, "554 5.6.0"),
        (b" folded\r\n" + GOOD, "250"),
    ],
    ids=[
        "fields",
        "a field more",
        "and others",
        "octets",
        "more octets",
        "more, and others",
        "folded",
        "body",
    ],
)
def test_a_header_section_without_bound_is_not_accepted(head, code, bound):
    """Fields beyond the bound would be overlooked: Bcc would leave, and a From that the login may not use."""
    door, wire = trusted(logins=(BOUND if bound else login(),))
    if bound and head.startswith(b" "):
        code = "554 5.6.0"
    assert submit(wire, head + HEAD, sender="a@example.test").startswith(code)
    assert code.startswith("250") == bool(door.messages)


@pytest.mark.row(71)
@pytest.mark.parametrize("over", [-2, -1, 0, 1, 2, 3])
def test_the_bound_is_met_exactly_wherever_a_line_meets_it(over):
    section = GOOD + LINE * 1_102 + b"X: "
    section += b"y" * (1_000_000 + over - len(section) - 4) + b"\r\n\r\n"
    _, wire = trusted(logins=(BOUND,))
    code = "250" if over <= 0 else "554 5.6.0"
    assert submit(wire, section + b"x\r\n", sender="a@example.test").startswith(code)
