"""The DNS records of a sender domain: what they should be, and how what is there is judged."""

from dataclasses import replace

import pytest

from smtpeter.accounts import published, signing_keys
from smtpeter.accounts.model import Algorithm, SenderDomain
from smtpeter.accounts.published import Kind, Server, Unanswered, Verdict

SENDER = "mail.sender.example"
KEYS = tuple(signing_keys.make(f"s-{algorithm}", algorithm, 0.0) for algorithm in Algorithm)
DOMAIN = SenderDomain("news.example.com", KEYS, 0.0)
RSA, ED25519, SPF, DMARC = published.wanted(DOMAIN, SENDER)
ADDRESS = {(SENDER, "A"): ["192.0.2.1"]}


def judged(record, zone, sender=SENDER):
    found = published.judge(record, sender, lambda name, kind: {**ADDRESS, **zone}.get((name, kind), []))
    return found.verdict, found.reason


def texts(record, *values):
    return {(record.name, "TXT"): list(values)}


def test_the_records_that_are_wanted():
    assert [
        (Kind.DKIM, "s-rsa._domainkey.news.example.com", signing_keys.record(KEYS[0])),
        (Kind.DKIM, "s-ed25519._domainkey.news.example.com", signing_keys.record(KEYS[1])),
        (Kind.SPF, "news.example.com", "v=spf1 a:mail.sender.example ~all"),
        (Kind.DMARC, "_dmarc.news.example.com", "v=DMARC1; p=none"),
    ] == [(one.kind, one.name, one.value) for one in published.wanted(DOMAIN, SENDER)]


def test_where_another_sends_there_is_nothing_to_say_about_spf():
    assert [Kind.DKIM, Kind.DKIM, Kind.DMARC] == [one.kind for one in published.wanted(DOMAIN, "")]


def test_long_values_are_split_into_strings_of_255_octets():
    assert [255, len(RSA.value) - 255] == [len(string) for string in RSA.strings]
    assert RSA.value == "".join(RSA.strings)


@pytest.mark.parametrize("record", [RSA, ED25519, SPF, DMARC], ids=lambda record: record.name)
def test_each_is_right_as_it_is_wanted_and_missing_when_there_is_nothing(record):
    assert (Verdict.RIGHT, "") == judged(record, texts(record, record.value))
    assert (Verdict.MISSING, "") == judged(record, {})


def test_what_other_services_have_published_beside_is_not_taken_for_ours():
    assert (Verdict.MISSING, "") == judged(SPF, texts(SPF, "google-site-verification=x"))
    assert (Verdict.MISSING, "") == judged(DMARC, texts(DMARC, "something else"))


@pytest.mark.parametrize(
    "text",
    [
        RSA.value.replace("v=DKIM1; ", ""),
        RSA.value.replace("k=rsa; ", ""),
        RSA.value.replace("; ", " ;\t") + ";",
        RSA.value[:100] + " " + RSA.value[100:],
        RSA.value + "; h=sha1:sha256; s=email; t=s; n=a note; x=unknown",
    ],
)
def test_a_key_may_be_written_in_other_ways(text):
    assert (Verdict.RIGHT, "") == judged(RSA, texts(RSA, text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no DKIM key"),
        ("v=spf1 -all", "no DKIM key"),
        (RSA.value.replace("DKIM1", "DKIM2"), "no DKIM key"),
        ("v=DKIM1; k=rsa; p=", "revoked"),
        pytest.param(RSA.value[:-8], "another key", id="cut off"),
        pytest.param(ED25519.value, "another key", id="ed25519"),
        (RSA.value + "; h=sha1", "sha256"),
        (RSA.value + "; s=other", "e-mail"),
        (RSA.value + "; t=s:y", "ignore"),
    ],
)
def test_a_key_that_verifiers_would_not_use_is_wrong(text, reason):
    verdict, why = judged(RSA, texts(RSA, text))
    assert Verdict.WRONG is verdict
    assert reason in why


def test_an_ed25519_key_needs_its_name():
    """RFC 6376 3.6.1: without k= a key is RSA."""
    text = ED25519.value.replace("k=ed25519; ", "")
    assert (Verdict.WRONG, "it is another key") == judged(ED25519, texts(ED25519, text))


@pytest.mark.parametrize("record", [RSA, SPF, DMARC], ids=lambda record: record.kind)
def test_two_records_at_one_name_are_wrong(record):
    verdict, why = judged(record, texts(record, record.value, record.value))
    assert Verdict.WRONG is verdict
    assert "more than one" in why


@pytest.mark.parametrize("text", ["v=spf1 ip4:192.0.2.0/24 -all", "v=spf1 include:spf.example ~all"])
def test_any_spf_record_that_lets_us_send_is_right(text):
    more = {("spf.example", "TXT"): ["v=spf1 a:mail.sender.example"]}
    assert (Verdict.RIGHT, "") == judged(SPF, {**texts(SPF, text), **more})


def test_an_spf_record_must_allow_all_addresses():
    zone = {**texts(SPF, "v=spf1 ip4:192.0.2.1 -all"), (SENDER, "AAAA"): ["2001:db8::1"]}
    assert (Verdict.WRONG, "it does not allow 2001:db8::1, where mail.sender.example is") == judged(SPF, zone)


def test_a_host_without_an_address_cannot_be_allowed():
    verdict, why = judged(SPF, {**texts(SPF, SPF.value), (SENDER, "A"): []})
    assert (Verdict.WRONG, "mail.sender.example has no address that it could allow") == (verdict, why)


def test_an_spf_record_with_macros_is_left_to_others():
    assert (Verdict.UNKNOWN, "%{d}: macros are not understood here") == judged(
        SPF, texts(SPF, "v=spf1 a:%{d} -all")
    )


def test_a_policy_of_the_domain_above_holds():
    """RFC 7489 6.6.3."""
    zone = {("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject; rua=mailto:a@example.com"]}
    assert (Verdict.RIGHT, "") == judged(DMARC, zone)


def test_a_policy_that_is_none_of_the_three_is_wrong():
    verdict, why = judged(DMARC, texts(DMARC, "v=DMARC1; p=maybe"))
    assert Verdict.WRONG is verdict
    assert why.startswith("p= is")


def test_a_dns_that_does_not_answer_is_neither_missing_nor_wrong():
    def ask(name, _kind):
        raise Unanswered(f"{name}: no answer")

    judgement = published.judge(RSA, SENDER, ask)
    assert (Verdict.UNKNOWN, f"{RSA.name}: no answer") == (judgement.verdict, judgement.reason)


def test_what_was_found_is_told():
    zone = texts(RSA, "v=DKIM1; p=")
    judgement = published.judge(RSA, SENDER, lambda name, kind: zone.get((name, kind), []))
    assert ("v=DKIM1; p=",) == judgement.found


OWN = replace(
    DOMAIN, click_url="https://c.example.com", open_url="https://o.example.com", bounce_host="b.example.com"
)
SERVER = Server(SENDER, "click.sender.example", "open.sender.example")
CLICK, OPEN, BOUNCE, RETURN_SPF = published.wanted(OWN, SENDER, SERVER)[4:]


def test_own_hosts_lead_to_the_servers():
    assert [
        (Kind.CLICK, "c.example.com", "CNAME", "click.sender.example"),
        (Kind.OPEN, "o.example.com", "CNAME", "open.sender.example"),
        (Kind.BOUNCE, "b.example.com", "MX", "10 mail.sender.example"),
        (Kind.SPF, "b.example.com", "TXT", "v=spf1 a:mail.sender.example ~all"),
    ] == [(one.kind, one.name, one.type, one.value) for one in (CLICK, OPEN, BOUNCE, RETURN_SPF)]
    assert [SENDER, SENDER] == [one.value for one in published.wanted(OWN, SENDER, Server(SENDER))[4:6]]


def test_one_host_for_links_and_images_is_asked_about_once():
    same = replace(OWN, open_url="https://c.example.com:444")
    assert [Kind.CLICK, Kind.BOUNCE] == [one.kind for one in published.wanted(same, "", SERVER)[3:]]


def test_hosts_that_are_the_servers_need_nothing():
    own = replace(DOMAIN, click_url="https://click.sender.example", open_url="https://open.sender.example")
    assert published.wanted(DOMAIN, SENDER) == published.wanted(own, SENDER, SERVER)


@pytest.mark.parametrize(
    ("exchangers", "verdict"),
    [
        ([], Verdict.MISSING),
        (["10 MAIL.sender.example."], Verdict.RIGHT),
        (["10 elsewhere.example.", "20 mail.sender.example."], Verdict.RIGHT),
        (["10 other-name.example."], Verdict.RIGHT),
        (["10 elsewhere.example."], Verdict.WRONG),
        (["0 ."], Verdict.WRONG),
    ],
    ids=["none", "ours", "second", "our address", "another's", "null"],
)
def test_what_is_returned_must_come_to_us(exchangers, verdict):
    zone = {("b.example.com", "MX"): exchangers, ("other-name.example", "A"): ["192.0.2.1"]}
    assert verdict is judged(BOUNCE, zone)[0]


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_a_tracking_host_needs_an_address(kind):
    assert Verdict.MISSING is judged(CLICK, {})[0]
    assert (Verdict.RIGHT, "") == judged(CLICK, {("c.example.com", kind): ["192.0.2.9"]})
