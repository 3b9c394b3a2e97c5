"""Each threat that is written down names a test that holds it, and that test is there."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
WRITTEN = (TESTS.parent / "docs/threats.md").read_text("utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(?:(\w+)::)?(\w+)`")


def functions(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_each_test_that_is_named_exists():
    missing = [
        f"{file}::{name}"
        for file, _, name in NAMED.findall(WRITTEN)
        if not (TESTS / file).is_file() or name not in functions(TESTS / file)
    ]
    assert [] == missing


def test_each_threat_names_one():
    rows = [
        line
        for line in WRITTEN.splitlines()
        if line.startswith("| ") and not line.startswith(("| he w", "| it w", "| port"))
    ]
    assert [] == [row for row in rows if not NAMED.search(row)]
