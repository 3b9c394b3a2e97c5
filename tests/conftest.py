"""Guards of every test: nothing logged as a failure, nothing dropped, no delayed call left behind."""

import gc
import sys

import pytest
from hypothesis import HealthCheck, settings
from twisted.logger import LogLevel, globalLogPublisher

from tests.kit.postgresql import postgresql

__all__ = ["postgresql"]

# Neither how fast an example is, nor how fast examples are made, says anything about the code: machines differ.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

DOORS = ("tests/e2e", "tests/doors")


@pytest.fixture
def expected_failures():
    """Append exception types that the code under test is right to log."""
    return []


@pytest.fixture(autouse=True)
def no_failure_is_logged_or_dropped(expected_failures):
    seen = []

    def observe(event):
        if "log_failure" in event and not event["log_failure"].check(*expected_failures):
            seen.append(event["log_failure"])
        elif event.get("log_level") is LogLevel.critical and "log_failure" not in event:
            seen.append(event.get("log_format"))

    globalLogPublisher.addObserver(observe)
    yield
    if gc.isenabled():
        gc.collect(0)
    globalLogPublisher.removeObserver(observe)
    assert [] == seen


@pytest.fixture(autouse=True)
def the_reactor_is_left_alone(request):
    """No test outside the doors imports the reactor; where one is, no delayed call is left."""
    yield
    if any(str(request.path).rpartition("/tests/")[2].startswith(door[6:]) for door in DOORS):
        return
    reactor = sys.modules.get("twisted.internet.reactor")
    if reactor is not None:
        assert [] == reactor.getDelayedCalls()
