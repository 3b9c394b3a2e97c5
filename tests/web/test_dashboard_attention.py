"""What an operator should look at: when it is said, and when nothing is."""

from dataclasses import replace

from smtpeter.accounts.model import Login
from smtpeter.accounts.webhooks import Health, Webhook, WebhookId
from smtpeter.message.address import Address
from smtpeter.message.envelope import Recipient
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.options import Switches
from smtpeter.spool.model import Delivery
from smtpeter.spool.sites import SiteSummary
from smtpeter.spool.waiting import Reason, SiteState
from smtpeter.web.dashboard.attention import Known, duration, notes

NOW = 1_780_000_000.0
QUIET = Known(NOW, (), 0, (), (), (), (), {})
SITE = SiteSummary("mx.example", 1, 7, 0, 0, NOW - 60, NOW + 60)
HOOK = Webhook(WebhookId(3), "https://hook.example/", ("click",), b"", NOW)


def said(**known):
    return [note.text for note in notes(replace(QUIET, **known))]


def test_nothing_is_said_when_all_is_well():
    waits = Delivery(
        DeliveryId(1), MessageId(1), Recipient(Address("joe", "x.example")), accepted_at=NOW - 600
    )
    healthy = {
        "sites": (SITE,),
        "oldest": (waits,),
        "webhooks": ((HOOK, Health()),),
        "certificates": (("a.pem", NOW + 60 * 86_400),),
        "logins": (Login("shop", "", Switches(), NOW),),
        "day": {"delivery": 1000, "failure": 50, "bounce": 20},
    }
    assert [] == said(**healthy)


def test_a_site_in_trouble_is_named_with_its_words():
    trouble = replace(SITE, state=SiteState("mx.example", Reason.SITE_TROUBLE, NOW + 60, "421 go away"))
    [note] = notes(replace(QUIET, sites=(trouble,)))
    assert ("bad", "mx.example is in trouble; 7 deliveries wait for it. It said: 421 go away") == (
        note.mood,
        note.text,
    )
    assert "/queue?site=mx.example" == note.path


def test_many_sites_in_trouble_are_counted():
    trouble = replace(SITE, state=SiteState("mx.example", Reason.SITE_TROUBLE))
    assert "2 more sites are in trouble." == said(sites=(trouble,) * 7)[-1]


def test_a_site_that_is_busy_is_no_trouble():
    assert [] == said(sites=(replace(SITE, state=SiteState("mx.example", Reason.SITE_BUSY)),))


def test_a_store_that_takes_nothing_is_told():
    [text] = said(sites=(replace(SITE, state=SiteState("mx.example", Reason.SPOOL)),))
    assert text.startswith("The store does not take")


def test_many_failures_are_told_and_few_are_not():
    assert ["20% of what ended in the last 24 hours failed (200 of 1,000)."] == said(
        day={"delivery": 800, "failure": 200}
    )
    assert [] == said(day={"delivery": 2, "failure": 19})


def test_bounces_and_complaints_are_told():
    assert ["100 bounces came back in the last 24 hours.", "1 complaint came in the last 24 hours."] == said(
        day={"delivery": 800, "bounce": 100, "abuse": 1}
    )


def test_a_webhook_that_fails_is_told_unless_it_is_paused():
    bad = Health(failures=4, problem="500 Oops")
    assert ["Webhook 3 (https://hook.example/) failed 4 times in a row: 500 Oops"] == said(
        webhooks=((HOOK, bad),)
    )
    assert [] == said(webhooks=((replace(HOOK, enabled=False), bad),))


def test_a_certificate_is_told_two_weeks_ahead():
    assert ["The certificate a.pem soon expires (2026-05-29)."] == said(
        certificates=(("a.pem", NOW + 86_400),)
    )
    assert ["The certificate a.pem has expired (2026-05-27)."] == said(
        certificates=(("a.pem", NOW - 86_400),)
    )


def test_what_is_held_what_is_old_and_what_is_disabled_is_told_after_the_troubles():
    old = Delivery(DeliveryId(1), MessageId(1), Recipient(Address("joe", "x.example")), accepted_at=NOW - 1e6)
    shop = Login("shop", "", Switches(), NOW, enabled=False)
    assert [
        "1 complaint came in the last 24 hours.",
        "1 delivery is held until somebody lets go.",
        "The oldest delivery has waited for 11 days.",
        "1 login disabled: shop.",
    ] == said(held=1, oldest=(old,), logins=(shop,), day={"abuse": 1})


def test_what_was_asked_for_later_waits_only_since_then():
    first = Delivery(
        DeliveryId(1), MessageId(1), Recipient(Address("joe", "x.example")),
        due_at=NOW + 86_400, accepted_at=NOW - 5 * 86_400,
    )  # fmt: skip
    assert [] == said(oldest=(first,))
    assert ["The oldest delivery has waited for 6 hours."] == said(
        oldest=(first, replace(first, due_at=NOW - 6 * 3600))
    )
    assert ["The oldest delivery has waited for 5 days."] == said(oldest=(first, replace(first, attempts=1)))


def test_durations_are_read_at_a_glance():
    assert ["some seconds", "a minute", "2 minutes", "119 minutes", "2 hours", "47 hours", "2 days"] == [
        duration(one) for one in (59, 119, 120, 7199, 7200, 172_799, 172_800)
    ]
