"""With its store in PostgreSQL: two servers, as on two machines, keep, deliver and tell of the same mail."""

from __future__ import annotations

from tests.kit.newsletters import newsletter
from tests.kit.sink import Sink


def test_what_one_server_accepts_the_other_one_knows(prepared, postgresql, tmp_path) -> None:
    with postgresql.database() as name, Sink() as sink:
        one = prepared(sink.port)
        one.sections["store"] = {"url": postgresql.url(name)}
        one.configure()
        other = type(one)(
            tmp_path / "other", one.authority, relay=one.sections["relay"], store=one.sections["store"]
        )
        login = one.login()
        with one, other:
            one.submit(login, newsletter(), ["joe@example.net"])
            other.submit(login, newsletter(), ["ann@example.net"])
            delivered = sink.wait(2)
            other.wait_until_idle()
            told = other.events("--kind", "delivery")
        assert {message.recipients for message in delivered} == {("joe@example.net",), ("ann@example.net",)}
        assert {event["data"]["recipient"] for event in told} == {"joe@example.net", "ann@example.net"}
