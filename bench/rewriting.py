"""Milliseconds of CPU a document: smtpeter's rewriting beside selectolax, css-inline, premailer and juice, in one run.

Everybody gets the same newsletters, on first sight and as the later messages of a campaign, which differ in names and
link parameters only. smtpeter gets messages and finds MIME parts, charsets and encodings by itself; the peers get the
decoded HTML. The peers live in a virtual environment and in npm's modules below the user's cache, made once.
"""

from __future__ import annotations

import base64
import json
import os
import quopri
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench.harness import Harness
from bench.newsletter import harbour, personal
from bench.record import Comparison, Goal
from smtpeter.message.options import Switches
from smtpeter.rewrite.settings import Settings
from smtpeter.rewrite.worker import pipeline
from tests.fidelity.templates import template
from tests.kit.cache import kept
from tests.kit.npm import installed
from tests.kit.peers import absent, program

PYTHON_PEERS = ("selectolax==1.0.2", "css-inline==0.23.1", "premailer==3.10.0")
JUICE = "juice@12.2.0"
HERE = Path(__file__).parent
SETTINGS = Settings(click_url="https://click.example", open_url="https://open.example/o")
SWITCHES = {
    "links and images": Switches(track_clicks=True, track_opens=True),
    "css": Switches(inline_css=True),
    "all switches": Switches(
        track_clicks=True, track_opens=True, prevent_scam=True, track_text_links=True, inline_css=True
    ),
}
ENCODINGS = ("8bit", "quoted-printable", "base64")
FIRST, LATER = "first ms", "campaign ms"
GOALS = (
    Goal(LATER, 2.0, "selectolax (links, images)", "links and images, quoted-printable", at_most=True),
    Goal(LATER, 1.0, "css-inline (css)", "css, quoted-printable", at_most=True),
    Goal(FIRST, 0.33, "premailer (css)", "css, quoted-printable", at_most=True),
)


def rewriting(harness: Harness) -> Iterator[Comparison]:
    documents = {
        "MJML newsletter": harbour,
        "Foundation newsletter": lambda: template("foundation sidebar-hero"),
    }
    for name, made in documents.items():
        html = made()
        load = f"{name}, {len(html.encode()) // 1024} KB, {harness.scale.documents} messages"
        comparison = Comparison(load, LATER, GOALS, ours="")
        campaign = [personal(html, number) for number in range(harness.scale.documents)]
        for _ in range(harness.scale.repetitions):
            for row, (first, later) in (*_smtpeter(campaign), *_peers(campaign, comparison)):
                comparison.add(row, {FIRST: first, LATER: later})
        yield comparison


def _smtpeter(campaign: Iterable[str]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Each combination with rewriters that have seen nothing yet, on an interpreter that is warm."""
    warm = "<style>p { color: red }</style><p><a href=http://x.example>x</a>"
    pipeline(SETTINGS).prepare(_message(warm, "8bit"), SWITCHES["all switches"])
    for encoding in ENCODINGS:
        messages = [_message(html, encoding) for html in campaign]
        for name, switches in SWITCHES.items():
            by = pipeline(SETTINGS)

            def work(raw: bytes, by=by, switches=switches) -> object:  # type: ignore[no-untyped-def]
                return by.prepare(raw, switches)

            yield f"{name}, {encoding}", _times(work, messages)


def _message(html: str, encoding: str) -> bytes:
    head = "From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: "
    octets = html.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    if encoding == "quoted-printable":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    elif encoding == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return f"{head}{encoding}\r\n\r\n".encode() + octets


def _times(work: Callable[[bytes], object], inputs: Iterable[bytes]) -> tuple[float, float]:
    """Milliseconds of CPU for the first input, and the median of the second half."""
    taken = []
    for one in inputs:
        start = time.process_time()
        work(one)
        taken.append((time.process_time() - start) * 1_000)
    return taken[0], statistics.median(taken[len(taken) // 2 :])


def _peers(campaign: list[str], comparison: Comparison) -> Iterator[tuple[str, tuple[float, float]]]:
    python: list[str | Path] = [_environment() / "bin/python", HERE / "rewriting_peers.py"]
    node: list[str | Path] = [program("node", "nodejs"), HERE / "rewriting_juice.js"]
    for command, more in ((python, {}), (node, {"NODE_PATH": str(installed(JUICE))})):
        ran = subprocess.run(
            command,
            input=json.dumps(campaign),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, **more},
        )
        if ran.returncode != 0:
            comparison.failed[str(command[1])] = ran.stderr.strip()[-300:]
            continue
        for row, told in json.loads(ran.stdout).items():
            if len(told) == 2:
                yield row, (told[0], told[1])
            else:
                comparison.failed[row] = told[0]


def _environment() -> Path:
    """A virtual environment with the peers, made once."""
    with kept("bench-rewriting") as where:
        done = where / "installed"
        wanted = "\n".join(PYTHON_PEERS)
        if not done.exists() or done.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
            pip = [
                str(where / "bin/python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            ended = subprocess.run([*pip, *PYTHON_PEERS], check=False, capture_output=True, text=True)
            if ended.returncode != 0:
                absent(f"pip cannot install {PYTHON_PEERS}: {ended.stderr.strip()[-300:]}")
            done.write_text(wanted)
        return where
