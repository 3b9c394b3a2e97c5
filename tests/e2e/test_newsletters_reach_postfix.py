"""Real newsletters through the server to a real Postfix, over TLS: what no switch asked to change did not change."""

from __future__ import annotations

import re

import pytest

from tests.kit.newsletters import NAMES, newsletter
from tests.kit.postfix import Postfix


@pytest.mark.row(73)
@pytest.mark.row(158)
@pytest.mark.parametrize("name", NAMES)
def test_arrives_octet_by_octet(prepared, postfix: Postfix, name: str) -> None:
    content = newsletter(name)
    recipient = f"{name}@example.net"
    with prepared(postfix.port) as server:
        accepted = server.submit(server.login(), content, [recipient])
        stored = postfix.wait(recipient)
        assert accepted.ids[recipient] == server.wait_for_event("delivery")["id"]
    assert stored.return_path == "news@sender.example"
    assert stored.content.endswith(content)
    trace = stored.content.removesuffix(content)
    assert re.fullmatch(rb"Received: (?:[^\r\n]*\r\n)(?:[ \t][^\r\n]*\r\n)*", trace)
    assert "using TLSv1.3" in stored.received
