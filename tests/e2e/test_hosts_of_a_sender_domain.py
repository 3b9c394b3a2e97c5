"""A sender domain's own tracking host: its links lead there, also from a worker process; a click is answered as ever."""

from __future__ import annotations

import re

import pytest

from tests.e2e.test_link_clicked import get
from tests.kit.daemon import Daemon
from tests.kit.loopback import until
from tests.kit.sink import Sink


def mail(author: str) -> bytes:
    return (
        f"From: news@{author}\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n"
        '<style>p {color: red}</style><p><a href="http://shop.example/x">x</a>\r\n'
    ).encode()


@pytest.mark.parametrize("switches", [("--track-clicks",), ("--track-clicks", "--inline-css")])
def test_links_lead_to_the_host_of_their_author(
    server: Daemon, sink: Sink, switches: tuple[str, ...]
) -> None:
    own = f"http://localhost:{server.tracking}"
    name = f"hosts{len(switches)}.example"
    server.cli("domain", "add", name, "--click-url", own)
    login = server.login(*switches)
    tracked = re.compile(rb'<a href="(http://([^/]+)/[^"]+)"')
    sent = []

    def leads_there() -> bool:
        recipient = f"own{len(switches)}-{len(sent)}@example.net"
        server.submit(login, mail(f"sub.{name}"), [recipient])
        sent.append(tracked.search(sink.wait_for(recipient).content))
        return sent[-1] is not None and sent[-1][2].decode() == own.partition("://")[2]

    until(leads_there, 10, server.log)
    link = sent[-1]
    assert link is not None
    status, header = get(link[1].decode().replace("localhost", "127.0.0.1"))
    assert (302, "http://shop.example/x") == (status, header["Location"])

    other = f"other{len(switches)}@example.net"
    server.submit(login, mail("elsewhere.example"), [other])
    theirs = tracked.search(sink.wait_for(other).content)
    assert theirs is not None
    assert f"127.0.0.1:{server.tracking}".encode() == theirs[2]
