"""The documents say what the code says."""

import re
from pathlib import Path

from smtpeter.returns.forward import TABLE, Came
from smtpeter.spool.states import TRANSITIONS

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
