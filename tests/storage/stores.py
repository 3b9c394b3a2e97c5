"""Stores for tests: the fakes and the real ones behind one face, and messages to put into them."""

import itertools
import shutil
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from smtpeter.journal.events import Attempt, Deferred, Delivered
from smtpeter.journal.interface import Query
from smtpeter.message.address import Address
from smtpeter.message.edit import Literal, Report, SlotKind, Span, Target, Template
from smtpeter.message.envelope import Envelope, Recipient
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.options import Switches
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.spool.model import Accepted, Delivery, Message, Settlement
from smtpeter.storage import migrations, workers
from smtpeter.storage.engine import FreeSpace, for_writing, open_engine
from smtpeter.storage.group import Job
from smtpeter.storage.schema import metadata
from smtpeter.storage.store import Host, Store
from smtpeter.storage.threads import Inline, Threads
from tests.kit.fakes.accounts import FakeAccounts, FakeAllowances, FakeUses
from tests.kit.fakes.journal import FakeJournal
from tests.kit.fakes.programs import FakeRepeats, FakeTokens
from tests.kit.fakes.returns import FakeReturns, FakeSuppressions
from tests.kit.fakes.spool import FakeSpool
from tests.kit.fakes.work import FakeQuota, FakeSites
from tests.kit.mta_sts import FakePolicies

URL = "sqlite:///smtpeter.db"


LINKS = (
    Target(SlotKind.CLICK, "https://one.example/ü?a=b"),
    Target(SlotKind.OPEN, "https://two.example/i.png"),
)


class Machine:
    """Clocks, chance and disk of a host that a test moves; `host` is what the store gets."""

    def __init__(self):
        self.now = 1_700_000_000.0
        self.uptime = 1000.0
        self.free = 1 << 40
        self._secrets = itertools.count(1)
        self.host = Host(lambda: self.now, lambda: self.uptime, self._secret, self._statvfs)

    def _secret(self, length):
        return next(self._secrets).to_bytes(length, "big")

    def _statvfs(self, _directory):
        return SimpleNamespace(f_bavail=self.free, f_frsize=1)


def result(deferred):
    """What a Deferred that has fired holds; raises what it failed with."""
    held = []
    deferred.addBoth(held.append)
    assert held, "it has not fired yet"
    if isinstance(held[0], Failure):
        raise held[0].value
    return held[0]


class Pump:
    """Stands for the reactor: what is wanted later is called at once while a test waits for an answer."""

    def __init__(self):
        self._calls = SimpleQueue()
        self._later = Clock()

    def seconds(self):
        return self._later.seconds()

    def callLater(self, delay, function, *arguments):
        return self._later.callLater(delay, function, *arguments)

    def callFromThread(self, function, *arguments):
        self._calls.put((function, arguments))

    def run(self, deferred):
        while not deferred.called:
            if self._later.getDelayedCalls():
                self.pass_time()
            else:
                function, arguments = self._calls.get(timeout=30)
                function(*arguments)
        return result(deferred)

    def pass_time(self):
        """As much of it as somebody waits for."""
        while self._later.getDelayedCalls():
            self._later.advance(0.001)


class FakeShelf:
    """The three ledgers, faked."""

    def __init__(self):
        self.journal = FakeJournal()
        self.spool = FakeSpool(self.journal)
        self.accounts = FakeAccounts()
        self.tokens, self.repeats = FakeTokens(), FakeRepeats()
        self.quota = FakeQuota()
        self.sites = FakeSites(self.spool)
        self.suppressions = FakeSuppressions()
        self.allowances, self.uses = FakeAllowances(), FakeUses()
        self.policies = FakePolicies()
        self.returns = FakeReturns(self.spool, self.suppressions)
        self.run = result

    def another_worker(self):
        return self.spool.another_worker()

    def another_quota(self):
        return self.quota.another_worker()

    def presume_dead(self):
        self.spool.presume_dead()
        self.quota.die()

    def close(self):
        pass


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A database with the schema and nothing else, to be copied."""
    directory = tmp_path_factory.mktemp("empty")
    engine = open_engine(URL, directory)
    migrations.upgrade(engine)
    return directory / "smtpeter.db"


@pytest.fixture(scope="session")
def migrated(postgresql, tmp_path_factory):
    """The URL of a PostgreSQL database with the schema, which each test finds empty."""
    with postgresql.database() as name:
        migrations.upgrade(open_engine(postgresql.url(name), tmp_path_factory.getbasetemp()))
        yield postgresql.url(name)


_EMPTY = ", ".join(table.name for table in metadata.sorted_tables if table.name not in {"revisions", "marks"})


def emptied(url, directory):
    """An engine for the database at `url`, of which nothing but the schema is left."""
    engine = open_engine(url, directory)
    with for_writing(engine).begin() as connection:
        connection.execute(text(f"TRUNCATE {_EMPTY} RESTART IDENTITY"))
        connection.execute(text("UPDATE marks SET seq = 0"))
    return engine


class StoredShelf:
    """The three ledgers on a database, with threads or without: on a copy of the file `empty` if no engine is given."""

    def __init__(self, directory, empty, *, threaded, engine=None):
        self.machine = Machine()
        self.directory = directory
        if engine is None:
            shutil.copy(empty, directory / "smtpeter.db")
        self.engine = engine or open_engine(URL, directory)
        self._stores = []
        self._open = self._threaded if threaded else self._inline
        self.run = result
        store = self.new_store()
        self.spool, self.journal, self.accounts = store.spool, store.journal, store.accounts
        self.tokens, self.repeats = store.tokens, store.repeats
        self.quota, self.sites = store.quota, store.sites
        self.returns, self.suppressions = store.returns, store.suppressions
        self.policies = store.policies
        self.webhooks = store.webhooks
        self.allowances, self.uses, self.operators = store.allowances, store.uses, store.operators

    def new_store(self):
        with for_writing(self.engine).begin() as connection:
            number = workers.register(connection, self.machine.uptime)
        space = FreeSpace(self.directory, 1 << 26, self.machine.host.statvfs, self.machine.host.boot_clock)
        store = Store(self._open(), self.machine.host, space, number)
        self._stores.append(store)
        return store

    def _inline(self):
        return Inline(self.engine)

    def _threaded(self):
        pump = getattr(self, "pump", None) or Pump()
        self.pump, self.run = pump, pump.run
        return Threads(
            self.engine, pump, lambda: Job(lambda _c, _b: [None], None, RuntimeError), 3600.0, lambda: 0.0
        )

    def another_worker(self):
        return self.new_store().spool

    def another_quota(self):
        return self.new_store().quota

    def presume_dead(self):
        """The first worker misses its heartbeats, and another one notices."""
        self.machine.uptime += 31
        with for_writing(self.engine).begin() as connection:
            if self.engine.dialect.name == "postgresql":  # which goes by its own clock
                connection.execute(text("UPDATE workers SET seen_at = seen_at - 31"))
            workers.beat(connection, [(99, self.machine.uptime)])

    def close(self):
        for store in self._stores:
            self.run(store.stop())


@pytest.fixture(params=["fake", "inline", "threads", "postgresql"])
def shelf(request, tmp_path):
    """The three ledgers, each way that they exist."""
    if request.param == "fake":
        made = FakeShelf()
    elif request.param == "postgresql":
        engine = emptied(request.getfixturevalue("migrated"), tmp_path)
        made = StoredShelf(tmp_path, None, threaded=False, engine=engine)
    else:
        empty = request.getfixturevalue("empty_store")
        made = StoredShelf(tmp_path, empty, threaded=request.param == "threads")
    yield made
    made.close()


@pytest.fixture
def shared(tmp_path, migrated):
    """The three ledgers on PostgreSQL, without threads."""
    made = StoredShelf(tmp_path, None, threaded=False, engine=emptied(migrated, tmp_path))
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request):
    """The three ledgers on each engine, without threads."""
    return request.getfixturevalue({"sqlite": "stored", "postgresql": "shared"}[request.param])


@pytest.fixture
def stored(tmp_path, empty_store):
    """The three ledgers on SQLite, without threads."""
    made = StoredShelf(tmp_path, empty_store, threaded=False)
    yield made
    made.close()


def address(text):
    local_part, _, domain = text.rpartition("@")
    return Address(local_part, domain)


def accepted(
    number=1,
    recipients=("joe@example.com",),
    *,
    due_at=1000.0,
    accepted_at=1000.0,
    claimed=False,
    content=b"Subject: hello\r\n\r\nHow are you?\r\n",
    login="bench",
    tags=(),
    targets=(),
    **more,
):
    """Message `number`; its deliveries have the numbers 10 * number + 1 and so on."""
    to = tuple(r if isinstance(r, Recipient) else Recipient(address(r)) for r in recipients)
    message = Message(
        id=MessageId(10 * number),
        login=login,
        accepted_at=accepted_at,
        envelope=more.pop("envelope", Envelope(address("me@customer.example"), to)),
        content=content,
        template=Template((Literal(b"Received: x\r\n"), Span(0, len(content))), targets),
        report=more.pop("report", Report()),
        switches=more.pop("switches", Switches()),
        tags=tags,
        **more,
    )
    deliveries = tuple(
        Delivery(DeliveryId(10 * number + n), message.id, r, due_at=due_at, accepted_at=accepted_at)
        for n, r in enumerate(to, 1)
    )
    events = tuple(
        Attempt(
            time=accepted_at,
            delivery=d.id,
            message=message.id,
            login=login,
            recipient=str(d.recipient.address),
        )
        for d in deliveries
    )
    return Accepted(message, deliveries, events, claimed)


def settlement(claim, outcome=Result.DELIVERED, *, due_at=None, warned=False, now=2000.0):
    """The claim given back with that result, and one event."""
    kind = Deferred if outcome is Result.DEFERRED else Delivered
    delivery = claim.delivery
    event = kind(
        time=now, delivery=delivery.id, message=delivery.message, recipient=str(delivery.recipient.address)
    )
    reply = Reply(250, "2.0.0", "Ok")
    return Settlement(claim, Outcome(outcome, Stage.MESSAGE, reply, host="mx"), (event,), due_at, warned)


def before_each_statement(engine, do):
    """Have `do(cursor)` called before whatever the engine's driver is asked to execute, and raise in its place."""

    def after_that(execute):
        def both(cursor, *arguments):
            do(cursor)
            execute(cursor, *arguments)

        return both

    dialect = engine.dialect
    dialect.do_execute = after_that(dialect.do_execute)
    dialect.do_executemany = after_that(dialect.do_executemany)


def events(shelf, **query):
    return [entry.event for entry in shelf.run(shelf.journal.since(0, Query(**query), 1000))]


def state(shelf, delivery):
    return shelf.run(shelf.spool.delivery(delivery)).state


def numbers(claims):
    return [claim.delivery.id for claim in claims]
