"""The resolver against name servers in memory, and the reading of replies."""

import select
import socket
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import error
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from smtpeter.relay import names
from smtpeter.relay.datagram import Datagrams
from smtpeter.relay.interface import Finding, MailExchanger
from smtpeter.relay.resolver import DnsResolver
from tests.relay.hosts import result

FIRST, SECOND = ("192.0.2.53", 53), ("192.0.2.54", 53)
SOA = "@ 300 IN SOA ns.example. root.example. 1 2 3 4 40"
SILENT = object()
REFUSED = object()


class NameServer:
    """`zone` maps (name, kind) to lines of an answer section, to an rcode, or to a function of the query."""

    def __init__(self, zone):
        self.zone = zone
        self.queries = []

    def answer(self, wire, *, tcp):
        query = dns.message.from_wire(wire)
        name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
        self.queries.append((name.rstrip("."), kind, "tcp" if tcp else "udp"))
        found = self.zone.get((name.rstrip("."), kind), [])
        if callable(found):
            found = found(query, tcp)
        if found is SILENT or found is REFUSED or isinstance(found, bytes):
            return found
        reply = dns.message.make_response(query)
        if isinstance(found, dns.rcode.Rcode):
            reply.set_rcode(found)
        else:
            for line in found:
                words = line.split()
                section = reply.authority if words[3] == "SOA" else reply.answer
                section.append(
                    dns.rrset.from_text(words[0], int(words[1]), words[2], words[3], " ".join(words[4:]))
                )
        return reply.to_wire()


class Wire(Clock):
    """A reactor whose only peers are name servers; answers come when time is given for them."""

    def __init__(self, servers):
        super().__init__()
        self.servers = servers
        self.open = 0

    def open_socket(self, reactor, peer, heard, refused):
        self.open += 1
        return _Socket(self, peer, heard, refused)

    def connectTCP(self, host, port, factory, timeout):
        protocol = factory.buildProtocol(None)
        transport = _Stream(self, protocol, (host, port))
        if (host, port) in self.servers:
            self.callLater(0, protocol.makeConnection, transport)
        else:
            self.callLater(0, factory.clientConnectionFailed, None, Failure(error.ConnectError()))
        return transport


class _Socket:
    def __init__(self, wire, peer, heard, refused):
        self.wire, self.peer, self.heard, self.refused = wire, peer, heard, refused

    def send(self, data):
        answer = self.wire.servers[self.peer].answer(data, tcp=False)
        if answer is REFUSED:
            self.wire.callLater(0, self.refused)
        elif answer is not SILENT:
            self.wire.callLater(0, self.heard, answer)

    def close(self):
        self.wire.open -= 1


class _Stream:
    disconnecting = False

    def __init__(self, wire, protocol, peer):
        self.wire, self.protocol, self.peer = wire, protocol, peer

    def write(self, data):
        answer = self.wire.servers[self.peer].answer(data[2:], tcp=True)
        if answer is REFUSED:
            self.wire.callLater(0, self.protocol.connectionLost, Failure(error.ConnectionDone()))
        elif answer is not SILENT:
            self.wire.callLater(0, self.protocol.dataReceived, len(answer).to_bytes(2, "big") + answer)

    def disconnect(self):
        pass


def asking(*zones, numbers=None, **more):
    """(resolver, wire, name servers) over servers with these zones."""
    servers = [NameServer(zone) for zone in zones]
    wire = Wire(dict(zip((FIRST, SECOND), servers, strict=False)))
    numbers = numbers or (lambda bits: 4711)
    resolver = DnsResolver(wire, tuple(wire.servers), numbers, open_socket=wire.open_socket, **more)
    return resolver, wire, servers


def answered(wire, deferred, seconds=0):
    for _ in range(40):
        wire.advance(0)
    if seconds:
        wire.pump([0.5] * int(seconds * 2) + [0] * 40)
    return result(deferred)


def mx(zone, domain="a.example", seconds=0):
    resolver, wire, _ = asking(zone)
    answer = answered(wire, resolver.exchangers(domain), seconds)
    assert 0 == wire.open
    assert [] == wire.getDelayedCalls()
    return answer


def test_mx_records_are_found_in_lower_case_without_the_last_dot():
    answer = mx(
        {("a.example", "MX"): ["a.example. 300 IN MX 10 MX1.Example.", "a.example. 300 IN MX 5 mx2.example."]}
    )
    assert Finding.FOUND is answer.finding
    assert {MailExchanger(10, "mx1.example"), MailExchanger(5, "mx2.example")} == set(answer.records)


@pytest.mark.row(93)
def test_a_null_mx_has_an_empty_host():
    assert (MailExchanger(0, ""),) == mx({("a.example", "MX"): ["a.example. 300 IN MX 0 ."]}).records


def test_addresses_of_both_families_are_one_answer():
    zone = {
        ("h.example", "A"): ["h.example. 300 IN A 192.0.2.1"],
        ("h.example", "AAAA"): ["h.example. 300 IN AAAA 2001:db8::1"],
    }
    resolver, wire, _ = asking(zone)
    answer = answered(wire, resolver.addresses("h.example"))
    assert {ip_address("192.0.2.1"), ip_address("2001:db8::1")} == set(answer.records)


@pytest.mark.parametrize(
    ("four", "six", "expected"),
    [
        ([], [], Finding.NO_DATA),
        (dns.rcode.NXDOMAIN, dns.rcode.NXDOMAIN, Finding.NO_SUCH_NAME),
        (dns.rcode.SERVFAIL, [], Finding.TROUBLE),
        ([], dns.rcode.SERVFAIL, Finding.TROUBLE),
        (["h.example. 300 IN A 192.0.2.1"], dns.rcode.SERVFAIL, Finding.FOUND),
    ],
)
def test_no_address_is_told_apart_from_trouble(four, six, expected):
    resolver, wire, _ = asking({("h.example", "A"): four, ("h.example", "AAAA"): six})
    assert expected is answered(wire, resolver.addresses("h.example")).finding


@pytest.mark.row(94)
def test_no_name_no_data_and_trouble_are_three_things():
    assert Finding.NO_SUCH_NAME is mx({("a.example", "MX"): dns.rcode.NXDOMAIN}).finding
    assert Finding.NO_DATA is mx({}).finding
    for rcode in (dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP, dns.rcode.FORMERR):
        assert Finding.TROUBLE is mx({("a.example", "MX"): rcode}).finding


@pytest.mark.row(94)
def test_silence_is_trouble_after_a_second_round():
    resolver, wire, (first, second) = asking({("a.example", "MX"): SILENT}, {("a.example", "MX"): SILENT})
    deferred = resolver.exchangers("a.example")
    wire.pump([0.5] * 23)
    assert not deferred.called
    wire.pump([0.5] * 2)
    assert Finding.TROUBLE is result(deferred).finding
    assert [2, 2] == [len(first.queries), len(second.queries)]
    assert 0 == wire.open


@pytest.mark.row(94)
@pytest.mark.parametrize("first", [SILENT, REFUSED, dns.rcode.SERVFAIL, b"", b"\x12\x67junk"])
def test_the_next_server_is_asked_when_one_does_not_answer(first):
    zone = {("a.example", "MX"): ["a.example. 300 IN MX 10 mx.example."]}
    resolver, wire, _ = asking({("a.example", "MX"): first}, zone)
    assert Finding.FOUND is answered(wire, resolver.exchangers("a.example"), 3).finding


@pytest.mark.row(94)
def test_a_truncated_answer_is_asked_for_again_over_tcp():
    def truncated(query, tcp):
        if tcp:
            return ["a.example. 300 IN MX 10 mx.example."]
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    resolver, wire, (server,) = asking({("a.example", "MX"): truncated})
    assert (MailExchanger(10, "mx.example"),) == answered(wire, resolver.exchangers("a.example")).records
    assert ["udp", "tcp"] == [how for _, _, how in server.queries]


@pytest.mark.row(94)
@pytest.mark.parametrize("over_tcp", [SILENT, REFUSED, b"junk"])
def test_a_truncated_answer_without_tcp_is_trouble(over_tcp):
    def truncated(query, tcp):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return over_tcp if tcp else reply.to_wire()

    resolver, wire, _ = asking({("a.example", "MX"): truncated})
    assert Finding.TROUBLE is answered(wire, resolver.exchangers("a.example"), 10).finding


@pytest.mark.row(94)
def test_a_bogus_answer_is_not_heard():
    def bogus(query, tcp):
        reply = dns.message.make_response(query)
        reply.id ^= 1
        return reply.to_wire()

    def about_another(query, tcp):
        other = dns.message.make_query("b.example.", "MX", id=query.id)
        return dns.message.make_response(other).to_wire()

    for answer in (bogus, about_another, lambda query, tcp: query.to_wire()):
        assert Finding.TROUBLE is mx({("a.example", "MX"): answer}, seconds=8).finding


@pytest.mark.row(96)
def test_cname_records_are_followed_within_an_answer_and_beyond_it():
    chain = ["a.example. 300 IN CNAME b.example.", "b.example. 300 IN CNAME c.example."]
    whole = {("a.example", "MX"): [*chain, "c.example. 300 IN MX 10 mx.example."]}
    parts = {("a.example", "MX"): chain, ("c.example", "MX"): ["c.example. 300 IN MX 10 mx.example."]}
    for zone in (whole, parts):
        assert (MailExchanger(10, "mx.example"),) == mx(zone).records


@pytest.mark.row(96)
@pytest.mark.parametrize(("length", "expected"), [(8, Finding.FOUND), (9, Finding.NO_DATA)])
def test_a_chain_of_more_than_eight_cname_records_leads_nowhere(length, expected):
    zone = {(f"{n}.example", "MX"): [f"{n}.example. 300 IN CNAME {n + 1}.example."] for n in range(length)}
    zone[f"{length}.example", "MX"] = [f"{length}.example. 300 IN MX 10 mx.example."]
    assert expected is mx(zone, "0.example").finding
    at_once = {("0.example", "MX"): [line for lines in zone.values() for line in lines]}
    assert expected is mx(at_once, "0.example").finding


@pytest.mark.row(96)
def test_a_loop_of_cname_records_ends():
    two = ["a.example. 300 IN CNAME b.example.", "b.example. 300 IN CNAME a.example."]
    assert Finding.FOUND is not mx({("a.example", "MX"): two}).finding
    alone = {("a.example", "MX"): two[:1], ("b.example", "MX"): two[1:]}
    assert Finding.NO_DATA is mx(alone).finding


def test_one_query_is_in_flight_however_many_wait():
    resolver, wire, (server,) = asking({("a.example", "MX"): ["a.example. 300 IN MX 10 mx.example."]})
    waiting = [resolver.exchangers(name) for name in ("a.example", "A.Example", "a.example.")]
    waiting[1].addErrback(lambda failure: None).cancel()
    wire.pump([0] * 10)
    assert Finding.FOUND is result(waiting[0]).finding
    assert Finding.FOUND is result(waiting[2]).finding
    assert 1 == len(server.queries)


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (["a.example. 300 IN MX 10 mx.example."], 300),
        (["a.example. 0 IN MX 10 mx.example."], 1),
        (["a.example. 20 IN CNAME b.example.", "b.example. 300 IN MX 10 mx.example."], 20),
        (["a.example. 300 IN SOA ns.example. root.example. 1 2 3 4 40"], 40),
        (["a.example. 30 IN SOA ns.example. root.example. 1 2 3 4 40"], 30),
        ([], 60),
        (dns.rcode.NXDOMAIN, 60),
        (dns.rcode.SERVFAIL, 5),
    ],
)
def test_an_answer_is_kept_as_long_as_its_ttl_says(lines, seconds):
    resolver, wire, (server,) = asking({("a.example", "MX"): lines})
    answered(wire, resolver.exchangers("a.example"))
    wire.advance(seconds - 0.1)
    answered(wire, resolver.exchangers("a.example"))
    assert 1 == len(server.queries)
    wire.advance(0.2)
    answered(wire, resolver.exchangers("a.example"))
    assert 2 == len(server.queries)


def test_the_cache_is_bounded_and_loses_the_oldest():
    resolver, wire, (server,) = asking({}, maximum_entries=2)
    for domain in ("a.example", "b.example", "c.example", "c.example", "b.example", "a.example"):
        answered(wire, resolver.exchangers(domain))
    assert ["a.example", "b.example", "c.example", "a.example"] == [name for name, _, _ in server.queries]


@pytest.mark.row(144)
def test_queries_at_one_time_are_bounded_while_the_servers_are_dead():
    resolver, wire, _ = asking({(f"{n}.example", "MX"): SILENT for n in range(50)}, maximum_queries=3)
    waiting = [resolver.exchangers(f"{n}.example") for n in range(50)]
    wire.advance(0)
    assert 3 == wire.open
    wire.pump([1.0] * 150)
    assert {Finding.TROUBLE} == {result(deferred).finding for deferred in waiting}
    assert 0 == wire.open


@pytest.mark.parametrize("name", ["a" * 64, "a..b", ".".join(["abcdefghi"] * 30), "ä" * 70])
def test_a_name_that_cannot_be_asked_for_does_not_exist(name):
    resolver, wire, (server,) = asking({})
    assert Finding.NO_SUCH_NAME is answered(wire, resolver.exchangers(name)).finding
    assert [] == server.queries


def test_every_query_has_a_number_of_its_own():
    numbers = iter(range(100))
    seen = []
    resolver, wire, _ = asking(
        {
            ("a.example", "A"): lambda query, tcp: seen.append(query.id) or [],
            ("a.example", "AAAA"): lambda query, tcp: seen.append(query.id) or [],
        },
        numbers=lambda bits: next(numbers),
    )
    answered(wire, resolver.addresses("a.example"))
    assert {0, 1} == set(seen)


def test_name_servers_come_from_the_settings_or_from_resolv_conf():
    text = "# comment\nnameserver 192.0.2.1\nsearch example\n nameserver 2001:db8::1\nnameserver\n"
    assert (("192.0.2.1", 53), ("2001:db8::1", 53)) == names.name_servers((), text)
    assert (("127.0.0.1", 5353), ("::1", 53)) == names.name_servers(("127.0.0.1:5353", "::1"), text)
    assert (("127.0.0.1", 53),) == names.name_servers((), "")


ASKED = names.question("a.example", names.MX, 4711)


def a_reply():
    reply = dns.message.make_response(ASKED.message)
    reply.answer.append(dns.rrset.from_text("a.example.", 300, "IN", "MX", "10 mx.example.", "0 ."))
    return reply.to_wire()


def many(count, labels=10):
    """A reply to ASKED whose MX records lead over a chain of so many compressed labels, each of them again."""
    query = ASKED.wire
    body = query[12 : query.index(b"\0", 12) + 5]
    long = b"\1a" * labels + b"\xc0\x0c"
    head = b"\xc0\x0c\0\x0f\0\1\0\0\0\x3c"
    records = [head + (2 + len(long)).to_bytes(2, "big") + b"\0\1" + long]
    start = 12 + len(body) + 14
    for number in range(1, count):
        name = 0xC000 | (start + 2 * (number % (labels // 2)))
        records.append(head + b"\0\4" + number.to_bytes(2, "big") + name.to_bytes(2, "big"))
    return query[:2] + b"\x84\0\0\1" + count.to_bytes(2, "big") + b"\0\0\0\0" + body + b"".join(records)


def test_a_reply_of_too_many_records_is_not_read():
    assert Finding.FOUND is names.read(ASKED, many(63)).finding
    for count in (64, 800, 3500):
        reading = names.read(ASKED, many(count))
        assert (Finding.TROUBLE, "too many records") == (reading.finding, reading.cause)
    assert names.read(ASKED, b"\0\0" + many(3500)[2:]) is None  # and one to no question of ours is not heard


def of_kind(kind, data):
    """A reply to ASKED with 20 records of a type beside those of `many`."""
    record = b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\x3c" + len(data).to_bytes(2, "big") + data
    wire = many(1)
    return wire[:10] + b"\0\x14" + wire[12:] + 20 * record


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(many(20, 110), id="as data"),
        pytest.param(of_kind(names.CNAME, b"\1b" * 110 + b"\0"), id="elsewhere"),
        pytest.param(of_kind(18, b"\0\1" + b"\1b" * 110 + b"\0"), id="of a type that we do not know"),
        pytest.param(ASKED.wire[:2] + b"\x84\0\0\1\0\0\0\0\0\0\xc0\x0c\0\x0f\0\1", id="in a circle"),
    ],
)
def test_a_reply_whose_names_have_too_many_labels_is_not_read(wire):
    """200 of 1.4 kB, each of which took 0.2 s, once kept a worker silent until its parent killed it."""
    assert "too many records" == names.read(ASKED, wire).cause


def test_a_reply_that_ends_within_a_record_is_not_understood():
    whole = many(20)
    assert Finding.FOUND is names.read(ASKED, whole).finding
    assert [] == [end for end in range(2, len(whole)) if names.read(ASKED, whole[:end]) is not None]


def test_a_reply_over_tcp_that_is_too_long_is_not_waited_for():
    def long(query, tcp):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.TC
        return reply.to_wire() + bytes(16_385 if tcp else 0)

    resolver, wire, (server,) = asking({("a.example", "MX"): long})
    assert Finding.TROUBLE is answered(wire, resolver.exchangers("a.example")).finding
    assert 2 == len(server.queries)  # nor asked for again


class Watched:
    """The reactor's part for a socket, and a name server's socket on loopback."""

    def __init__(self, family=socket.AF_INET, address="127.0.0.1"):
        self.readers = []
        self.addReader, self.removeReader = self.readers.append, self.readers.remove
        self.server = socket.socket(family, socket.SOCK_DGRAM)
        self.server.bind((address, 0))
        self.peer = self.server.getsockname()[:2]
        self.heard, self.refusals = [], []

    def open(self):
        return Datagrams(self, self.peer, self.heard.append, lambda: self.refusals.append(1))

    def read(self):
        """As the reactor does it when something has come."""
        for reader in select.select(self.readers, [], [], 5)[0]:
            reader.doRead()


def test_a_socket_carries_datagrams_and_writes_nothing_to_the_log():
    net = Watched()
    with capturedLogs() as logged, net.server:
        ours = net.open()
        ours.send(b"question")
        question, address = net.server.recvfrom(100)
        net.server.sendto(b"answer", address)
        net.read()
        ours.close()
        ours.close()
    assert (b"question", [b"answer"], []) == (question, net.heard, net.readers)
    assert [] == logged


def test_a_socket_hears_nobody_but_its_peer():
    net = Watched()
    with net.server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        ours = net.open()
        ours.send(b"question")
        _, address = net.server.recvfrom(100)
        stranger.sendto(b"lie", address)
        net.server.sendto(b"answer", address)
        net.read()
        ours.close()
    assert [b"answer"] == net.heard


def test_a_socket_that_is_closed_by_what_it_heard_hears_no_more():
    net = Watched()
    with net.server:
        ours = Datagrams(net, net.peer, lambda data: (net.heard.append(data), ours.close()), lambda: None)
        ours.send(b"question")
        _, address = net.server.recvfrom(100)
        for answer in (b"one", b"two"):
            net.server.sendto(answer, address)
        net.read()
    assert [b"one"] == net.heard


def test_where_nobody_listens_a_socket_is_refused():
    net = Watched()
    net.server.close()
    ours = net.open()
    ours.send(b"question")
    net.read()
    ours.close()
    assert [1] == net.refusals


@given(st.binary(max_size=600))
def test_no_octets_upset_the_reader(wire):
    reading = names.read(ASKED, wire)
    assert reading is None or reading.finding in Finding


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6))
def test_no_change_of_a_real_reply_upsets_the_reader(changes):
    wire = bytearray(a_reply())
    for position, octet in changes:
        wire[position % len(wire)] = octet
    reading = names.read(ASKED, bytes(wire))
    assert reading is None or reading.finding in Finding
