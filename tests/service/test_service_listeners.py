"""Listeners that exclude each other, and sockets of systemd's, as check-config judges them."""

import pytest

from smtpeter.config import Misconfigured
from smtpeter.service.listeners import clashes, expect_socket


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tcp:587", "tcp:587"),
        ("tcp:587", "tcp:port=587"),
        ("tcp:0587", "tcp:587:interface=127.0.0.1"),
        ("tcp:587:interface=127.0.0.1", "tcp:587:127.0.0.1"),
        (r"tcp6:587:interface=\:\:1", r"tcp:587:interface=\:\:1"),
        ("tcp6:587", "tcp:587"),
        ("tcp6:587", "tcp:587:interface=192.0.2.1"),
        ("tcp6:587", r"tcp6:587:interface=fe80\:\:1%eth0"),
        ("systemd:domain=INET6:index=0", "systemd:domain=INET6:index=0"),
        ("tcp:0", "tcp:0"),  # one string is one listener
    ],
)
def test_same_port_twice_is_refused_with_both_keys(one, other):
    for first, second in ((one, other), (other, one)):
        listeners = (("submission.starttls[0]", first), ("web.tls[0]", second))
        [problem] = clashes(listeners)
        assert problem.startswith(f"web.tls[0]: {second!r}: ")
        assert problem.endswith(" is taken by submission.starttls[0]; expected another")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tcp:587", "tcp:465"),
        ("tcp:587:interface=192.0.2.1", "tcp:587:interface=192.0.2.2"),
        ("tcp:587", r"tcp6:587:interface=2001\:db8\:\:1"),
        ("tcp:0:interface=127.0.0.1", "tcp:0"),
        ("systemd:domain=INET6:index=0", "systemd:domain=INET6:index=1"),
        ("unix:/run/smtpeter/one", "unix:/run/smtpeter/two"),
    ],
)
def test_listeners_that_can_be_had_together(one, other):
    assert [] == list(clashes((("submission.starttls[0]", one), ("submission.starttls[1]", other))))


@pytest.mark.parametrize("text", ["tcp:65536", "tcp:port=99999999:interface=127.0.0.1", "tcp6:-1"])
def test_a_port_that_cannot_be_is_refused(text):
    [problem] = clashes((("submission.starttls[0]", text),))
    assert f"submission.starttls[0]: {text!r}: expected a port from 1 to 65535" == problem


@pytest.mark.parametrize(
    "text",
    ["systemd:domain=INET:index=0", "systemd:index=12:domain=INET6", "systemd:domain=INET6:name=smtps"],
)
def test_sockets_of_systemd(text):
    expect_socket("submission.starttls[0]", text)


@pytest.mark.parametrize(
    "text",
    [
        "systemd:",
        "systemd:index=0",
        "systemd:domain=INET6",
        "systemd:domain=UNIX:index=0",
        "systemd:domain=INET6:index=one",
        "systemd:domain=INET6:index=-1",
        "systemd:domain=INET6:index=",
        "systemd:domain=INET6:name=",
        "systemd:domain=INET6:index=0:name=smtps",
        "systemd:domain=INET6:index=0:backlog=5",
        "systemd:0",
    ],
)
def test_other_sockets_of_systemd_are_refused_by_key(text):
    with pytest.raises(Misconfigured, match=r"submission\.starttls\[0\]: .* expected a socket such as"):
        expect_socket("submission.starttls[0]", text)
