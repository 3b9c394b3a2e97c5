"""A webhook gets what happens, signed, over a restart; the test button works; the server is watched."""

from __future__ import annotations

import base64
import http.server
import json
import re
import threading
import time
import urllib.request

import pytest

from smtpeter.report.webhook import signature
from tests.kit.certificates import Authority
from tests.kit.daemon import Daemon
from tests.kit.loopback import free_port, until

pytestmark = pytest.mark.e2e


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what is posted; `status` is what it answers."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []
        self.status = 200
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing is written."""


@pytest.fixture
def receiver():
    with Receiver() as made:
        yield made
        made.shutdown()


def get(port, path):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read()


def secret(shown):

    return base64.b64decode(shown.removeprefix("whsec_"))


def test_events_are_posted_signed_and_go_on_after_a_restart(tmp_path, receiver):
    port = free_port()
    daemon = Daemon(
        tmp_path,
        Authority(tmp_path),
        relay={"mode": "sandbox"},
        webhooks={"allow_private_addresses": True},
        metrics={"listen": [f"tcp:{port}:interface=127.0.0.1"]},
    )
    login = daemon.login()
    made = daemon.cli("webhook", "create", receiver.url)
    with daemon:
        tested = daemon.cli("webhook", "test", "1")
        assert {"taken": True, "status": 200, "problem": ""} == tested
        assert "test" == json.loads(receiver.got.pop()[1])["type"]

        first = daemon.submit(login, b"Subject: hello\r\n\r\nHow are you?\r\n")
        until(lambda: len(receiver.got) == 1, what=daemon.log)
        receiver.status = 503
        second = daemon.submit(login, b"Subject: hello\r\n\r\nHow are you?\r\n")
        until(lambda: daemon.cli("webhook", "show", "1")["failures"], what=daemon.log)
        assert b"ok\n" == get(port, "/readyz")
        assert re.search(rb'smtpeter_webhook_failures\{webhook="1"\} [1-9]', get(port, "/metrics"))
        daemon.restart()
        receiver.status = 200
        until(lambda: len(receiver.got) == 2, within=30.0, what=daemon.log)

    told = [json.loads(body) for _, body in receiver.got]
    assert [first.id, second.id] == [one["id"] for one in told]
    assert ["delivery"] * 2 == [one["type"] for one in told]
    for headers, body in receiver.got:
        expected = signature(
            secret(made["secret"]), headers["webhook-id"], headers["webhook-timestamp"], body
        )
        assert expected == headers["webhook-signature"]
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 120
