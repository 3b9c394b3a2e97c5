"""docs/conformance.md: which test proves which row. `--write` brings its last column up to date; else it is checked.

A test names its rows by `@pytest.mark.row(N)`. A row that no test names must say in its last column, in words,
why it is not done.
"""

import io
import re
import sys
from collections import defaultdict
from contextlib import redirect_stdout
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "conformance.md"
ROW = re.compile(r"\| (\d+) \|.*(?<!\\)\| ([^|]*) \|$")
PROOF = "`"  # a test's name begins with it; a reason in words does not


class Markers:
    """The tests by row and file, as pytest itself collects them."""

    def __init__(self):
        self.found = defaultdict(lambda: defaultdict(set))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        for item in items:
            for mark in item.iter_markers("row"):
                for row in mark.args:
                    self.found[row][item.path.relative_to(TESTS).as_posix()].add(
                        (item.originalname, item.name)
                    )


def proofs():
    markers = Markers()
    quiet = ["--collect-only", "-qqq", "--no-header", "--no-summary", "-m", "", "-p", "no:cacheprovider"]
    with redirect_stdout(io.StringIO()) as said:
        status = pytest.main([*quiet, str(TESTS)], plugins=[markers])
    if status != pytest.ExitCode.OK:
        sys.exit(said.getvalue())
    return markers.found


def written(files):
    def shown(path, names):
        tests, cases = ({name[which] for name in names} for which in (0, 1))
        one = min(cases) if len(cases) == 1 else min(tests) if len(tests) == 1 else ""
        return f"`{path}::{one}`" if one else f"`{path}` ({len(tests)})"

    return ", ".join(shown(path, names) for path, names in sorted(files.items()))


def renewed(line, found, wrong):
    row = ROW.match(line)
    if row is None:
        return line
    number, said = int(row[1]), row[2]
    proof = written(found.pop(number)) if number in found else "" if said.startswith(PROOF) else said
    if not proof:
        wrong.append(f"row {number}: no test names it, and no reason is given")
    return f"{line[: row.start(2)]}{proof} |"


def main():
    found, wrong = proofs(), []
    text = DOCUMENT.read_text()
    new = "\n".join(renewed(line, found, wrong) for line in text.splitlines()) + "\n"
    wrong += [f"a test names row {number}, which does not exist" for number in sorted(found)]
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(new)
    elif new != text:
        wrong.append(f"{DOCUMENT.name} is behind the tests: python tests/conformance.py --write")
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
