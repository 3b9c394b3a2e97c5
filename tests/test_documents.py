"""The documents say what the code says."""

import os
import re
import runpy
import subprocess
from pathlib import Path

from smtpeter.cli import main
from smtpeter.returns.forward import TABLE, Came
from smtpeter.spool.states import TRANSITIONS
from tests.kit.peers import program

ROOT = Path(__file__).parent.parent


def test_flow_prints_the_table_of_states():
    printed = (ROOT / "docs/flow.md").read_text().partition("<!-- states -->")[2].partition("<!--")[0]

    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \|$", printed, re.MULTILINE)[1:]

    assert [(state.value, step.value, after.value) for (state, step), after in TRANSITIONS.items()] == rows


def test_every_link_between_documents_leads_somewhere():
    documents = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]

    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert [] == dead


def test_every_link_to_a_heading_leads_to_one():
    documents = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]

    dead = [
        f"{document.relative_to(ROOT)}: {target}#{anchor}"
        for document in documents
        for target, anchor in re.findall(r"\]\(([^):#]*\.md|)#([^)]+)\)", document.read_text())
        if anchor not in anchors(document.parent / target if target else document)
    ]

    assert [] == dead


def anchors(document):
    """Of its headings, as they are made on the web: lower case, dashes for spaces, no punctuation."""
    headings = re.findall(r"(?m)^#+ (.+)$", document.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_rfc_cited_in_the_code_is_in_the_specifications():
    listed = set(re.findall(r"RFC (\d{3,5})", (ROOT / "docs/specifications.md").read_text()))

    cited = {
        number
        for path in (ROOT / "smtpeter").rglob("*.py")
        for number in re.findall(r"RFC (\d{3,5})", path.read_text())
    }

    assert set() == cited - listed


def test_bounces_prints_the_table_of_what_is_passed_on():
    printed = (ROOT / "docs/bounces.md").read_text().partition("<!-- matrix -->")[2].partition("<!--")[0]
    rows = [
        (came.value, TABLE[came, True].value, TABLE.get((came, False), TABLE[came, True]).value)
        for came in Came
    ]

    assert [
        "| came back | NOTIFY asks for it | NOTIFY does not |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ] == printed.strip().splitlines()


def test_manual_pages_name_every_command_and_key(tmp_path):
    """They are printed as building the package prints them."""
    pages = runpy.run_path(str(ROOT / "docs/man/pages.py"))["pages"]()
    assert {"smtpeter.1", "smtpeter.toml.5", "twistd-smtpeter.1"} == set(pages)
    for text in pages.values():
        assert "@" not in re.sub(r"\S@\S", "", text)
        assert [] == [
            line for line in text.splitlines() if re.match(r"[.'](?![A-Z]+\b|br$|nf$|fi$|ad l$)", line)
        ]
    told = pages["smtpeter.1"].replace("\\-", "-")
    assert [] == [name for name in main.commands if f"\n.B {name}" not in told]
    keys = re.findall(r"(?m)^#?(\w+) = ", (ROOT / "etc/smtpeter.toml").read_text())
    assert [] == [key for key in keys if f"{key} = " not in pages["smtpeter.toml.5"]]


def test_man_has_nothing_to_complain_of_in_the_manual_pages(tmp_path):
    man = program("man", "man-db")
    for name, text in runpy.run_path(str(ROOT / "docs/man/pages.py"))["pages"]().items():
        page = tmp_path / name
        page.write_text(text)
        shown = subprocess.run(
            [man, "--warnings", "--local-file", page],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "" == shown.stderr
        assert "smtpeter" in shown.stdout
