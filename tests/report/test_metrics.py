"""Figures for Prometheus, what each says, and that the documents and the dashboard name no others."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred, succeed

from smtpeter.accounts.webhooks import Health, Webhook
from smtpeter.journal.events import KINDS, Attempt, Delivered
from smtpeter.report.metrics import Metrics, Sources
from tests.kit.fakes.journal import FakeJournal
from tests.kit.fakes.spool import FakeSpool
from tests.storage.stores import accepted

ROOT = Path(__file__).parents[2]


class Webhooks:
    """Two, of which one is in trouble."""

    def webhooks(self):
        return succeed([Webhook(n, "https://x/", ("click",), b"s", 0.0, cursor=n) for n in (1, 2)])

    def health(self, number):
        return succeed(Health(failures=number - 1))

    def aside(self, number, _limit):
        return succeed(["event"] * (number - 1))


class House:
    def __init__(self):
        self.journal = FakeJournal()
        self.spool = FakeSpool(self.journal)
        sources = Sources(
            self.spool,
            self.journal,
            Webhooks(),
            lambda: 3,
            lambda: 4,
            lambda: 0.5,
            lambda: 1 << 30,
            lambda: 1060.0,
        )
        self.metrics = Metrics(CollectorRegistry(), sources, "1.2")

    def figures(self):
        held = []
        Deferred.fromCoroutine(self.metrics.text()).addBoth(held.append)
        families = text_string_to_metric_families(held[0].decode())
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.fixture
def house():
    return House()


def test_the_queue_is_told_by_state(house):
    house.spool.accept(accepted(1, ("a@x.example", "b@x.example"), due_at=1000.0))
    house.spool.accept(accepted(2, claimed=True))
    figures = house.figures()
    assert (2, 1, 0) == tuple(
        figures["smtpeter_queue_deliveries", state] for state in ("due", "claimed", "held")
    )
    assert 60.0 == figures[("smtpeter_queue_late_seconds",)]


def test_events_are_counted_from_the_first_question_on(house):
    house.journal.keep([Attempt(time=1.0, delivery=1, message=10)])
    assert 0 == house.figures()["smtpeter_events_total", "attempt"]
    house.journal.keep(
        [Attempt(time=1.0, delivery=1, message=10), Delivered(time=1.0, delivery=1, message=10)]
    )
    assert [1, 1] == [house.figures()["smtpeter_events_total", kind] for kind in ("attempt", "delivery")]
    house.journal.keep([Attempt(time=1.0, delivery=1, message=10)])
    figures = house.figures()
    assert [2, 1] == [figures["smtpeter_events_total", kind] for kind in ("attempt", "delivery")]


def test_every_kind_is_there_from_the_start(house):
    assert {("smtpeter_events_total", kind) for kind in KINDS} <= set(house.figures())


def test_webhooks_are_told_one_by_one(house):
    house.journal.keep([Attempt(time=1.0, delivery=1, message=10)] * 5)
    figures = house.figures()
    for name, expected in (("failures", [0, 1]), ("behind_events", [4, 3]), ("aside_events", [0, 1])):
        assert expected == [figures[f"smtpeter_webhook_{name}", webhook] for webhook in ("1", "2")]


def test_the_process_is_told(house):
    figures = house.figures()
    assert [3, 4, 0.5, 1 << 30] == [
        figures[(f"smtpeter_{name}",)]
        for name in ("sessions", "tracking_connections", "reactor_delay_seconds", "store_free_bytes")
    ]
    assert 1 == figures["smtpeter_info", "1.2"]
    assert figures[("process_cpu_seconds_total",)] > 0


def test_the_document_names_each_metric_and_no_other(house):
    house.journal.keep([Attempt(time=1.0, delivery=1, message=10)])
    ours = {
        key[0]
        for key in house.figures()
        if key[0].startswith("smtpeter_") and not key[0].endswith("_created")
    }
    table = set(re.findall(r"^\| `(smtpeter_\w+)", (ROOT / "docs/monitoring.md").read_text(), re.MULTILINE))
    assert ours == table


def test_the_dashboard_asks_for_metrics_that_exist(house):
    dashboard = json.loads((ROOT / "etc/grafana.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"(?:smtpeter|process)_\w+", target["expr"])
    }
    assert asked <= {key[0] for key in house.figures()}
    assert len(dashboard["panels"]) == len({panel["title"] for panel in dashboard["panels"]})
