"""nodemailer, what applications in JavaScript send mail with: one message, and many over kept connections."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.kit.clients import CONTENT, SENDER, arrived, run, without_trace
from tests.kit.daemon import Daemon, Login
from tests.kit.npm import installed
from tests.kit.peers import program
from tests.kit.sink import Sink

NODEMAILER = "nodemailer@10.6.0"
SEND = """
const { transport, messages } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const transporter = require("nodemailer").createTransport(transport);
Promise.all(messages.map((message) => transporter.sendMail(message)))
  .then((sent) => { console.log(JSON.stringify(sent)); transporter.close(); })
  .catch((error) => { console.error(error); process.exit(1); });
"""


def send(
    server: Daemon, login: Login, messages: list[object], **transport: object
) -> list[dict[str, object]]:
    """What sendMail resolved to, message by message."""
    settings = {
        "host": "localhost",
        "port": server.implicit_tls if transport.get("secure") else server.starttls,
        "requireTLS": True,
        "auth": {"user": login.username, "pass": login.password},
        **transport,
    }
    said = run(
        program("node", "nodejs"),
        *("-e", SEND),
        stdin=json.dumps({"transport": settings, "messages": messages}).encode(),
        environment={
            "NODE_PATH": str(installed(NODEMAILER)),
            "NODE_EXTRA_CA_CERTS": str(server.authority.path),
            "PATH": os.environ["PATH"],
        },
    )
    answered: list[dict[str, object]] = json.loads(said)
    return answered


@pytest.mark.row(59)
@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("secure", [False, True], ids=["starttls", "implicit"])
def test_raw_message(server: Daemon, sink: Sink, login: Login, method: str, secure: bool) -> None:
    recipient = f"nodemailer-{method}-{secure}@example.net"
    envelope = {
        "from": SENDER,
        "to": [recipient],
        "use8BitMime": True,
        "dsn": {"id": "QQ314159", "return": "headers", "notify": ["failure"], "recipient": recipient},
    }
    [answer] = send(
        server, login, [{"envelope": envelope, "raw": CONTENT.decode()}], secure=secure, authMethod=method
    )
    assert answer["accepted"] == [recipient]
    assert str(answer["response"]).startswith("250-2.6.0 Ok, queued as ")
    message = arrived(sink, server, login, recipient)
    assert without_trace(message) == CONTENT
    assert " ENVID=QQ314159" in message.mail


@pytest.mark.row(8)
def test_pool_of_kept_connections(server: Daemon, sink: Sink, login: Login, tmp_path: Path) -> None:
    recipients = [f"nodemailer-pool-{number}@example.net" for number in range(30)]
    messages = [
        {
            "from": f"The Harbour Letter <{SENDER}>",
            "to": recipient,
            "subject": "d\u00e9j\u00e0 vu",
            "text": f"Only for {recipient}",
            "html": f"<p>Only for <b>{recipient}</b></p>",
        }
        for recipient in recipients
    ]
    answers = send(server, login, messages, pool=True, maxConnections=3)
    assert [answer["accepted"] for answer in answers] == [[recipient] for recipient in recipients]
    for recipient in recipients:
        assert f"Only for {recipient}".encode() in sink.wait_for(recipient).content
    arrived(sink, server, login, recipients[-1])
