"""The benchmarks' harness: what it makes of figures, and that its tiniest form comes out whole. Nothing here is about time."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.machine import machine
from bench.page import page, recorded
from bench.plot import bars
from bench.record import OTHERS, Comparison, Goal, Measured, Report
from bench.usage import Usage
from tests.kit.peers import absent, program

ROOT = Path(__file__).parent.parent


@pytest.fixture
def comparison():
    """Three runs of smtpeter, three of Postfix, and an Exim that gave up."""
    goals = (
        Goal("rate/s", 2.0, "postfix"),
        Goal("wait ms", 1.2, "postfix", at_most=True),
        Goal("rate/s", 1.0, "haraka"),
    )
    made = Comparison("2 KB, 10 sessions", "rate/s", goals)
    for ours, theirs in ((900.0, 400.0), (1000.0, 500.0), (4000.0, 600.0)):
        made.add("smtpeter", {"rate/s": ours, "wait ms": 3.0, OTHERS: 0.1})
        made.add("postfix", {"rate/s": theirs, "wait ms": 2.0, "memory MB": 60.0, OTHERS: 0.5})
    made.failed["exim"] = "connection\nlost"
    return made


@pytest.fixture
def report(comparison):
    servers = {
        "smtpeter": {"version": "1", "durable": "commit"},
        "postfix": {"version": "3", "durable": "queue file"},
        "exim": {"version": "4", "durable": "spool"},
        "haraka": {"absent": "npm is | not installed"},
    }
    measured = [
        Measured("end to end", "All of it.", [comparison]),
        Measured("storm", "Heavy.", [], "no time"),
    ]
    return Report("1.0", "today", "python -m bench", {"processors": "2"}, servers, measured)


def test_ratios_are_those_of_the_medians(comparison):
    assert 2.0 == comparison.ratio("rate/s", "smtpeter", "postfix")
    assert 1.5 == comparison.ratio("wait ms", "smtpeter", "postfix")
    assert comparison.ratio("memory MB", "smtpeter", "postfix") is None


def test_a_goal_is_met_missed_or_not_measured(comparison):
    assert [True, False, None] == [comparison.is_met(goal) for goal in comparison.goals]


def test_what_else_was_busy_is_no_column_but_told(comparison):
    assert ["rate/s", "wait ms", "memory MB"] == comparison.figures()
    assert 0.5 == comparison.others()


def test_the_page_names_figures_goals_and_what_is_missing(report):
    lines = page(report).splitlines()

    assert "| end to end | 2 KB, 10 sessions | rate/s | 1,000 | 500 (2.00) | failed |  |" in lines
    assert "| haraka | absent | npm is \\| not installed |" in lines
    assert (
        "| end to end | 2 KB, 10 sessions | wait ms, smtpeter to postfix: at most 1.2 | 1.5 | **no** |"
        in lines
    )
    assert (
        "| end to end | 2 KB, 10 sessions | rate/s, smtpeter to haraka: at least 1 |  | not measured |"
        in lines
    )
    assert "exim did not get through: connection lost" in lines
    assert "Not whole: no time" in lines
    assert "Up to 0.50 processors were busy with something else: do not trust the rates." in lines


def test_the_outline_stands_between_its_marks_alone(report):
    document = "# Before\n<!-- record -->\nold\n<!-- /record -->\nafter\n"

    written = recorded(document, report, "performance/1.0/README.md")

    assert written.startswith("# Before\n<!-- record -->\nMade by `python -m bench` on today.")
    assert written.endswith("<!-- /record -->\nafter\n")
    assert "[1.0](performance/1.0/README.md)" in written
    assert "old" not in written
    assert written == recorded(written, report, "performance/1.0/README.md")


def test_json_has_every_run(report):
    told = json.loads(json.dumps(report.told()))

    rows = told["measurements"][0]["comparisons"][0]["rows"]
    assert [900.0, 1000.0, 4000.0] == [run["rate/s"] for run in rows["smtpeter"]["runs"]]
    assert {"rate/s": 500.0, "wait ms": 2.0, "memory MB": 60.0} == rows["postfix"]["medians"]


def test_bars_are_as_long_as_their_figures(comparison):
    svg = "{http://www.w3.org/2000/svg}"
    ours, theirs = [
        float(bar.get("width"))
        for bar in ET.fromstring(bars([comparison])).iter(f"{svg}rect")
        if bar.get("class") != "paper"
    ]
    assert pytest.approx(2.0, 0.01) == ours / theirs


def test_a_process_and_what_it_started_are_counted():
    with (
        subprocess.Popen(["sh", "-c", "cat & cat; wait"], stdin=subprocess.PIPE) as process,
        Usage(process.pid) as usage,
    ):
        assert usage.memory() > 0
        assert usage.cpu_seconds() >= 0.0
        process.communicate()


def test_the_machine_is_named():
    assert all(machine().values())


@pytest.mark.e2e
def test_the_tiniest_form_comes_out_whole(tmp_path):
    """Servers are started, loaded and ended; page, plots and JSON are written."""
    program("postfix", "postfix")
    for needed, package in (
        ("/usr/sbin/saslpasswd2", "sasl2-bin"),
        ("/usr/include/openssl/ssl.h", "gcc libssl-dev"),
    ):
        if not Path(needed).exists():
            absent(f"{needed} is not installed (apt-get install {package})")
    command = [sys.executable, "-m", "bench", "--scale", "tiny", "--servers", "smtpeter", "postfix"]
    ended = subprocess.run(
        [*command, "--only", "end to end", "latency", "backlog", "--directory", tmp_path / "out"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )

    assert 0 == ended.returncode, ended.stderr[-3000:]
    told = json.loads((tmp_path / "out/results.json").read_text())
    assert {"end to end": 4, "latency": 1, "backlog": 1} == {
        each["name"]: len(each["comparisons"]) for each in told["measurements"]
    }
    rows = [one["rows"] for each in told["measurements"][:2] for one in each["comparisons"]]
    assert [{"smtpeter", "postfix"}] * 5 == [set(each) for each in rows]
    assert (tmp_path / "out/README.md").read_text() in ended.stdout
    assert {"end-to-end.svg", "latency.svg", "backlog.svg"} == {
        path.name for path in tmp_path.glob("out/*.svg")
    }
