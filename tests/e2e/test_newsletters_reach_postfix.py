"""Real newsletters through the server to a real Postfix, over TLS: what no switch asked to change did not change."""

from __future__ import annotations

import re

import pytest

from tests.kit.newsletters import NAMES, newsletter
from tests.kit.postfix import Postfix


@pytest.mark.row(73)
@pytest.mark.row(158)
def test_arrives_octet_by_octet(prepared, postfix: Postfix) -> None:
    with prepared(postfix.port) as server:
        login = server.login()
        for name in NAMES:
            content = newsletter(name)
            recipient = f"{name}@example.net"
            accepted = server.submit(login, content, [recipient])
            stored = postfix.wait(recipient)
            assert stored.return_path == "news@sender.example"
            assert stored.content.endswith(content)
            trace = stored.content.removesuffix(content)
            assert re.fullmatch(rb"Received: (?:[^\r\n]*\r\n)(?:[ \t][^\r\n]*\r\n)*", trace)
            assert "using TLSv1.3" in stored.received
        told = server.wait_for_event("delivery", accepted.id)
        assert told["recipient"] == recipient
        assert "queued as" in told["reply"]
