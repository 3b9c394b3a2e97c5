"""Prints the sizes of files and functions, and fails when one has outgrown the house rules."""

import ast
import statistics
import sys
from pathlib import Path

FILE_LIMIT = 500
FUNCTION_LIMIT = 60


def functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.end_lineno - node.lineno + 1, f"{path}:{node.lineno} {node.name}"


def main():
    root = Path(__file__).parent.parent
    files = sorted((root / "smtpeter").rglob("*.py"))
    lines = {path.relative_to(root): len(path.read_text().splitlines()) for path in files}
    lengths = sorted(length for path in files for length, _ in functions(path))
    tests = sum(len(path.read_text().splitlines()) for path in (root / "tests").rglob("*.py"))
    print(
        f"{len(files)} files, {sum(lines.values())} lines, median {statistics.median(lines.values()):.0f}, "
        f"longest {max(lines.values())}; functions: median {statistics.median(lengths):.0f}, "
        f"p90 {lengths[int(len(lengths) * 0.9) - 1]}, longest {lengths[-1]}; tests: {tests} lines"
    )
    outgrown = [f"{path}: {length} lines" for path, length in lines.items() if length > FILE_LIMIT]
    outgrown += [f"{name}: {n} lines" for path in files for n, name in functions(path) if n > FUNCTION_LIMIT]
    for line in outgrown:
        print("outgrown:", line)
    return 1 if outgrown else 0


if __name__ == "__main__":
    sys.exit(main())
