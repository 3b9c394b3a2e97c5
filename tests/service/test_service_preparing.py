"""What is rewritten beside the conversations, and what by a worker process."""

import pytest
from twisted.internet.defer import Deferred

from smtpeter.message.options import Switches
from smtpeter.rewrite.settings import Settings
from smtpeter.service.preparing import Preparing

SMALL, LARGE = b"x" * 1_000, b"x" * 66_000


class Here:
    def prepare(self, original, switches, header_edits, hosts):
        return "here", hosts


class There:
    async def prepare(self, original, switches, header_edits, hosts):
        return "there", hosts


HOSTS = Settings(click_url="https://click.example")


@pytest.mark.parametrize(
    ("original", "switches", "where"),
    [
        (SMALL, Switches(), "here"),
        (SMALL, Switches(track_clicks=True, track_opens=True), "here"),
        (SMALL, Switches(inline_css=True), "there"),
        (LARGE, Switches(track_clicks=True), "there"),
        (LARGE, Switches(), "here"),
    ],
)
def test_who_prepares(original, switches, where):
    prepared = []

    async def prepare():
        prepared.append(await Preparing(Here(), There(), lambda _: HOSTS).prepare(original, switches, ()))

    Deferred.fromCoroutine(prepare())

    assert [(where, HOSTS if switches.on() else None)] == prepared
