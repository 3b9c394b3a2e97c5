"""Requests made from the OpenAPI document: what fits it is answered as it says, what does not is refused as it says.

The API runs on loopback with its ledgers in memory; the seed is fixed, so that a failure comes again.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from smtpeter.web.api.rates import Rates
from smtpeter.web.visit import Visit
from tests.web.rest import Rest

SEED = 20_261
EXAMPLES = 4  # of each call and phase


class Served:
    """The API on a port of loopback, from a thread of its own; a context manager that gives its URL."""

    def __init__(self, rest):
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def parse_request(self):
                known = super().parse_request()
                if known:
                    setattr(self, f"do_{self.command}", self.answer)
                return known

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                visit = Visit(
                    self.command.encode("latin-1"),
                    self.path.encode("latin-1"),
                    tuple(self.headers.items()),
                    "127.0.0.1",
                )
                with lock:
                    answered = rest.answer(visit, body)
                self.send_response(answered.status)
                for name, value in answered.headers.items():
                    self.send_header(name, value)
                if answered.status != 204:
                    self.send_header("Content-Type", answered.content_type)
                    self.send_header("Content-Length", str(len(answered.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answered.body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self):
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def run(rest, token):
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "generation": {"max-examples": EXAMPLES, "database": "none"},
            "headers": {"Authorization": f"Bearer {token}"},
            "checks": {
                # 422: it fits the document, and cannot be done; 410, 413: it was there, it is too much.
                "positive_data_acceptance": {
                    "expected-statuses": [200, 201, 204, 401, 403, 404, 409, 410, 413, 422]
                },
            },
        }
    )
    with Served(rest) as url:
        document = {**rest.get("/openapi.json").json, "servers": [{"url": url}]}
        schema = schemathesis.openapi.from_dict(document, config=config)
        schema.config.update(base_url=url)
        return list(from_schema(schema).execute())


def failures(happened):
    """What went wrong, with the request that showed it."""
    told = [
        f"{event.label}: {event.info.title} {event.info.message}"
        for event in happened
        if isinstance(event, events.NonFatalError)
    ]
    told += [repr(event.exception) for event in happened if isinstance(event, events.FatalError)]
    for event in happened:
        if isinstance(event, events.ScenarioFinished):
            for checks in event.recorder.checks.values():
                told += [
                    f"{event.label}: {one.failure_info.failure.title}: {one.failure_info.failure.message}\n{one.failure_info.code_sample}"
                    for one in checks
                    if one.failure_info is not None
                ]
    return told


@pytest.mark.parametrize("who", ["login", "operator"])
def test_the_api_is_as_its_document_says(who):
    rest = Rest(rate=1e9)
    rest.api._callers._failures = Rates(1e9, 1e9)  # else so many wrong tokens are 429
    happened = run(rest, rest.token if who == "login" else rest.operator)
    labels = {event.label for event in happened if isinstance(event, events.ScenarioFinished)}
    assert len(labels) > 40  # that it ran at all
    assert [] == failures(happened)
