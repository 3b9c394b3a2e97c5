"""The service manager is told what is true, and SIGHUP takes what can be taken."""

import socket

import msgspec
import pytest
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from smtpeter.config import Misconfigured, Retention, Server, Settings
from smtpeter.relay.settings import Settings as Relay
from smtpeter.service.supervision import Manager, Supervision, differences

SETTINGS = Settings(server=Server(hostname="mail.sender.example", data_directory="/nowhere"))


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as listening:
        listening.bind(str(tmp_path / "notify"))
        yield listening


@pytest.fixture
def told(manager):
    def read():
        found = []
        while True:
            try:
                found.append(manager.recv(1000).decode().split("\n")[0])
            except BlockingIOError:
                return found

    return read


@pytest.fixture
def environment(tmp_path):
    return {"NOTIFY_SOCKET": str(tmp_path / "notify")}


@pytest.fixture
def logged():
    texts = []

    def observe(event):
        texts.append(event["log_format"].format(**event))

    globalLogPublisher.addObserver(observe)
    yield texts
    globalLogPublisher.removeObserver(observe)


def supervision(environment, clock, read=SETTINGS, apply=lambda _settings: frozenset()):
    def load():
        if isinstance(read, Exception):
            raise read
        return read

    return Supervision(Manager(environment, 7), clock, SETTINGS, load, apply)


@pytest.mark.row(155)
def test_ready_once_the_reactor_runs_and_stopping_at_the_end(environment, told):
    clock = Clock()
    one = supervision(environment, clock)
    one.startService()
    assert [] == told()
    clock.advance(0)
    assert ["READY=1"] == told()
    one.stopService()
    assert ["STOPPING=1"] == told()


def test_watchdog_is_beaten_three_times_in_its_time(environment, told):
    clock = Clock()
    one = supervision({**environment, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, clock)
    one.startService()
    clock.pump([0, 10, 10, 10])
    assert 4 == told().count("WATCHDOG=1")


@pytest.mark.parametrize("foreign", [{"WATCHDOG_PID": "8"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": ""}])
def test_watchdog_of_somebody_else_is_left_alone(environment, told, foreign):
    clock = Clock()
    supervision({**environment, "WATCHDOG_USEC": "3000000", **foreign}, clock).startService()
    clock.advance(9)
    assert ["READY=1"] == told()


def test_abstract_socket():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the system chooses an abstract name
        name = listening.getsockname().decode()
        Manager({"NOTIFY_SOCKET": "@" + name[1:]}, 7).tell("READY=1")
        listening.settimeout(5)
        assert b"READY=1" == listening.recv(100)


def test_without_a_manager_nothing_is_said(logged):
    Manager({}, 7).tell("READY=1")
    assert [] == logged


def test_manager_that_does_not_listen_is_told_of_once(tmp_path, logged):
    manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "gone")}, 7)
    manager.tell("READY=1")
    manager.tell("WATCHDOG=1")
    assert 1 == len(logged)


def test_reload_takes_what_it_can_and_names_the_rest(environment, told, logged):
    clock = Clock()
    clock.advance(3)
    read = msgspec.structs.replace(SETTINGS, retention=Retention(content=1.0), relay=Relay(port=26))
    taken = []

    def apply(settings):
        taken.append(settings.retention.content)
        return frozenset(("retention.content", "retention.events"))

    supervision(environment, clock, read, apply).reload()

    assert [1.0] == taken
    assert ["RELOADING=1", "READY=1"] == told()
    assert "configuration read anew: retention.content" in logged
    assert "changed, and counts after a restart: relay.port" in logged


def test_what_was_taken_is_not_told_of_again_and_what_waits_is(environment, logged):
    read = msgspec.structs.replace(SETTINGS, retention=Retention(content=1.0), relay=Relay(port=26))
    one = supervision(environment, Clock(), read, lambda _settings: frozenset(("retention.content",)))
    one.reload()
    del logged[:]
    one.reload()
    assert [
        "configuration read anew: nothing to change",
        "changed, and counts after a restart: relay.port",
    ] == logged


def test_reload_that_fails_half_way_is_none(environment, told, logged):
    def apply(_settings):
        raise Misconfigured("tls.certificate: gone")

    supervision(environment, Clock(), apply=apply).reload()

    assert ["RELOADING=1", "READY=1"] == told()
    assert ["configuration not read anew, the one before stays: tls.certificate: gone"] == logged


def test_reload_of_what_cannot_be_used_changes_nothing(environment, told, logged):
    def apply(_settings):
        raise AssertionError

    supervision(environment, Clock(), Misconfigured("relay.port: expected int"), apply).reload()

    assert ["RELOADING=1", "READY=1"] == told()
    assert ["configuration not read anew, the one before stays: relay.port: expected int"] == logged


def test_differences_name_section_and_key():
    assert ["relay.port"] == list(
        differences(SETTINGS, msgspec.structs.replace(SETTINGS, relay=Relay(port=26)))
    )
