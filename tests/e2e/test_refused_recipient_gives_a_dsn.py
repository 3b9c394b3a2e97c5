"""A recipient that a real Postfix refuses at RCPT: its neighbour gets the message, the return path one DSN."""

from __future__ import annotations

import email

import pytest
from flufl.bounce import all_failures

from tests.kit.newsletters import newsletter
from tests.kit.postfix import Postfix

GONE = "gone@example.net"


@pytest.mark.row(102)
@pytest.mark.row(120)
@pytest.mark.row(124)
@pytest.mark.row(125)
@pytest.mark.parametrize("returned", ["HDRS", "FULL"])
def test_dsn_that_programs_understand(prepared, postfix: Postfix, returned: str) -> None:
    return_path, neighbour = (
        f"returned-{returned.lower()}@sender.example",
        f"neighbour-{returned.lower()}@example.net",
    )
    content = newsletter()
    with prepared(postfix.port) as server:
        accepted = server.submit(
            server.login(),
            content,
            [GONE, neighbour],
            return_path,
            mail_options=[f"RET={returned}", "ENVID=QQ+2B314159"],
            rcpt_options=["NOTIFY=FAILURE"],
        )
        stored = postfix.wait(return_path)
        assert postfix.wait(neighbour).content.endswith(content)
        story = server.story(accepted.ids[GONE], "report")
        assert story["state"] == "failed"
        assert [event["event"] for event in story["events"]] == ["attempt", "failure", "report"]
        failure = story["events"][1]["data"]
        assert (failure["code"], failure["status"]) == (550, "5.1.1")
    assert stored.return_path == ""

    report = email.message_from_bytes(stored.content)
    assert all_failures(report) == (set(), {GONE.encode()})

    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert report["Auto-Submitted"].startswith("auto-")
    assert report["To"].strip("<>") == return_path
    human, status, original = report.get_payload()
    assert GONE in human.get_payload(decode=True).decode()
    about_message, about_recipient = status.get_payload()
    assert about_message["Reporting-MTA"] == "dns; mail.sender.example"
    assert about_message["Original-Envelope-Id"] == "QQ+314159"
    assert about_recipient["Action"] == "failed"
    assert about_recipient["Status"] == "5.1.1"
    assert about_recipient["Final-Recipient"].replace(" ", "") == f"rfc822;{GONE}"
    assert "No such mailbox here" in about_recipient["Diagnostic-Code"]
    assert original.get_content_type() == ("message/rfc822" if returned == "FULL" else "text/rfc822-headers")
    assert "<spring-2026@example.com>" in original.as_string()


@pytest.mark.row(121)
@pytest.mark.row(127)
@pytest.mark.parametrize(
    ("sender", "notify"), [("quiet@sender.example", "NOTIFY=NEVER"), ("", "NOTIFY=FAILURE")]
)
def test_nobody_is_told_who_did_not_want_it(prepared, postfix: Postfix, sender: str, notify: str) -> None:
    with prepared(postfix.port) as server:
        login = server.login()
        refused = server.submit(login, newsletter(), [GONE], sender, rcpt_options=[notify])
        assert server.wait_for_event("failure", refused.id)["code"] == 550
        # A DSN would be a message of its own, accepted with the failure.
        server.wait_until_idle()
        assert len(server.events("--kind", "attempt")) == 1
    assert not [stored for stored in postfix.stored() if stored.recipient == "quiet@sender.example"]
