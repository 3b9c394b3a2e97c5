"""Milliseconds of CPU a document: smtpeter's rewriting beside selectolax, css-inline, premailer and juice, in one run.

Everybody gets the same newsletters, on first sight and as the later messages of a campaign, which differ in names and
link parameters only. smtpeter gets messages and finds MIME parts, charsets and encodings by itself; the peers get the
decoded HTML. The peers live in a virtual environment and in npm's modules below the user's cache, made once.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import quopri
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from smtpeter.message.options import Switches
from smtpeter.rewrite.pipeline import Pipeline
from smtpeter.rewrite.settings import Settings
from smtpeter.rewrite.worker import pipeline
from tests.fidelity.templates import mjml, mjml_source, template
from tests.kit.npm import installed
from tests.kit.peers import program

PYTHON_PEERS = ("selectolax==1.0.2", "css-inline==0.23.1", "premailer==3.10.0")
JUICE = "juice@12.2.0"
HERE = Path(__file__).parent
SETTINGS = Settings(click_url="https://click.example", open_url="https://open.example/o")
TRACKING = Switches(track_clicks=True, track_opens=True)
SWITCHES = {
    "clicks": Switches(track_clicks=True),
    "opens": Switches(track_opens=True),
    "clicks+opens": TRACKING,
    "clicks+scam": Switches(track_clicks=True, prevent_scam=True),
    "css": Switches(inline_css=True),
    "all": Switches(
        track_clicks=True, track_opens=True, prevent_scam=True, track_text_links=True, inline_css=True
    ),
}
NAMES = ("Jörg", "Anneke", "Bo", "Marie-Claire", "Nguyễn", "Σοφία", "O'Neill & Sons")


def main() -> None:
    arguments = _arguments()
    results = []
    for name, html in _documents().items():
        measured: dict[str, tuple[float, float]] = {}
        for _ in range(arguments.rounds):  # in turn, so that what else the machine does falls on all alike
            for made in (
                _smtpeter(html, arguments.messages),
                _peers(html, arguments.messages, only_fast=arguments.only_fast),
            ):
                for what, taken in made:
                    measured[what] = tuple(map(min, taken, measured.get(what, taken)))
        results.append({"document": name, "octets": len(html.encode()), "ms": measured})
        _show(results[-1])
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": platform.platform(), "results": results}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100, help="of each campaign (default: 100)")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is told (default: 3)")
    parser.add_argument("--only-fast", action="store_true", help="leave out premailer and juice")
    parser.add_argument("--json", type=Path, help="write every figure here")
    return parser.parse_args()


def _documents() -> dict[str, str]:
    """Newsletters of about 50 KB, and two small ones."""
    return {
        "mjml newsletter": mjml({"x": mjml_source("harbour", 3)})["x"],
        "foundation sidebar-hero": template("foundation sidebar-hero"),
        "mjml receipt": template("mjml receipt"),
        "responsive email": template("responsive email"),
    }


def campaign(html: str, count: int) -> Iterator[str]:
    """The newsletter for so many readers: a name in its text, and a parameter in each link."""
    for number in range(count):
        named = html.replace("</body>", f"<p>Dear {NAMES[number % len(NAMES)]} {number},</p></body>")
        yield named.replace("&amp;lang=en", f"&amp;lang=en&amp;reader={number * 7919}")


def message(html: str, encoding: str) -> bytes:
    head = "From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: "
    octets = html.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    if encoding == "quoted-printable":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    elif encoding == "base64":
        octets = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return f"{head}{encoding}\r\n\r\n".encode() + octets


def times(work: Callable[[object], object], inputs: Iterator[object]) -> tuple[float, float]:
    """Milliseconds of CPU for the first input, and the median of the second half."""
    taken = []
    for one in inputs:
        start = time.process_time()
        work(one)
        taken.append((time.process_time() - start) * 1_000)
    return taken[0], statistics.median(taken[len(taken) // 2 :])


def _smtpeter(html: str, count: int) -> Iterator[tuple[str, tuple[float, float]]]:
    """Each combination with rewriters that have seen nothing yet, on an interpreter that is warm."""
    pipeline(SETTINGS).prepare(
        message("<style>p { color: red }</style><p><a href=http://x.example>x</a>", "8bit"), SWITCHES["all"]
    )
    for encoding in ("8bit", "quoted-printable", "base64"):
        for name, switches in SWITCHES.items():
            if encoding != "quoted-printable" and name not in {"clicks+opens", "all"}:
                continue
            by: Pipeline = pipeline(SETTINGS)
            messages = [message(one, encoding) for one in campaign(html, count)]
            yield (
                f"smtpeter {name} ({encoding})",
                times(lambda raw, by=by, switches=switches: by.prepare(raw, switches), iter(messages)),
            )


def _peers(html: str, count: int, *, only_fast: bool) -> Iterator[tuple[str, tuple[float, float]]]:
    given = json.dumps(list(campaign(html, count)))
    python = [str(_environment() / "bin/python"), str(HERE / "rewriting_peers.py")]
    commands = [([*python, "--only-fast"] if only_fast else python, {})]
    if not only_fast:
        node = [program("node", "nodejs"), str(HERE / "rewriting_juice.js")]
        commands.append((node, {"NODE_PATH": str(installed(JUICE))}))
    for command, more in commands:
        ran = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
            env={**os.environ, **more},
        )
        if ran.returncode != 0:
            print(f"{command[1]}: {ran.stderr.strip()[-300:]}", file=sys.stderr)
            continue
        yield from json.loads(ran.stdout).items()


def _environment() -> Path:
    """A virtual environment with the peers, made once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    where = cache / "smtpeter-bench" / "rewriting"
    done = where / "installed"
    wanted = "\n".join(PYTHON_PEERS)
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
        pip = [str(where / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PYTHON_PEERS], check=True)
        done.write_text(wanted)
    return where


def _show(result: dict) -> None:
    print(f"\n{result['document']}, {result['octets']} octets of HTML")
    print(f"{'':44}{'first':>10}{'campaign':>10}  ms of CPU")
    for name, measured in result["ms"].items():
        cells = (
            [f"{value:10.2f}" for value in measured]
            if isinstance(measured[0], float)
            else [f"  {measured[0]}"]
        )
        print(f"{name:44}{''.join(cells)}")


if __name__ == "__main__":
    try:
        main()
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        sys.exit(f"bench/rewriting.py: {missing}")
