"""Which sites in trouble are tried now when an operator wants what waits for them tried."""

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred, succeed

from smtpeter.message.address import Address
from smtpeter.message.envelope import Recipient
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool.altering import lift
from smtpeter.spool.model import Delivery, QueueFilter
from smtpeter.spool.sites import SiteSummary, Standing
from smtpeter.spool.waiting import Reason, SiteState
from tests.storage.stores import result

FILTER = QueueFilter(login="shop")
LAST = Delivery(DeliveryId(2), MessageId(1), Recipient(Address("joe", "last.example")))


class Queue:
    """1,500 deliveries of the login to a site, and one to another after them; a third has none of it."""

    def __init__(self):
        self.lifted = []

    def deliveries(self, wanted, limit):
        if wanted.site == "last.example":
            return succeed((LAST,))
        if wanted.site == "other.example":
            return succeed(())
        first = replace(LAST, recipient=Recipient(Address("joe", "first.example")))
        return succeed(((first,) * 1500 + (LAST,))[:limit])

    def sites(self, limit):
        names = ("first.example", "last.example", "other.example")
        return succeed(
            tuple(SiteSummary(name, 1, 1, 0, 0, 0.0, 0.0, trouble(name)) for name in names)[:limit]
        )

    def standings(self, domains):
        return succeed({domain: Standing(domain, trouble(domain)) for domain in domains})

    def lift(self, sites, now):
        self.lifted.append((sites, now))
        return succeed(None)


def trouble(site):
    return None if site == "first.example" else SiteState(site, Reason.SITE_TROUBLE)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (FILTER, {"last.example"}),
        (replace(FILTER, site="last.example"), {"last.example"}),
        (replace(FILTER, site="other.example"), set()),
        (QueueFilter(), {"last.example", "other.example"}),
    ],
)
def test_the_sites_of_all_that_is_meant_are_lifted(wanted, expected):
    queue = Queue()
    assert expected == result(Deferred.fromCoroutine(lift(queue, queue, wanted, 7.0)))
    assert ([(expected, 7.0)] if expected else []) == queue.lifted
