"""`make fuzz`: atheris on every target for SECONDS each, then whether its time is linear; a table at the end.

    python -m tests.fuzz.atheris_run [SECONDS [NAME ...]]

What breaks a target is left in `corpus/NAME/`, where the tests find it from then on. Linear: ten times the input takes
at most fifteen times the time, in seconds of this process's own, the best of several.
"""

# ruff: noqa: PLC0415 - what is imported before atheris has its hand in is not led by what it reaches
from __future__ import annotations

import contextlib
import gc
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OCTETS = 4_000  # of the shorter input, at least
MEASURABLE = 0.002  # seconds: below it the clock and the caches say more than the code
MOST = 15.0


def fuzz(name: str, options: list[str]) -> None:
    """In a process of its own: atheris ends the process."""
    import atheris

    with atheris.instrument_imports(include=["smtpeter"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup(["fuzz", *options], TARGETS[name].call)
    atheris.Fuzz()


def run(name: str, seconds: int) -> tuple[str, str]:
    """How many inputs it was given, and what came of it."""
    from tests.fuzz.targets import CORPUS, TARGETS

    (CORPUS / name).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        for number, seed in enumerate(TARGETS[name].seeds):
            (Path(directory) / f"seed{number}").write_bytes(seed)
        command = [sys.executable, "-m", "tests.fuzz.atheris_run", "--fuzz", name]
        command += [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=20000"]
        command += [f"-artifact_prefix={CORPUS / name}/", directory, str(CORPUS / name)]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    told = ended.stdout + ended.stderr
    if ended.returncode:
        print(f"---- {name}\n{told[-4000:]}", file=sys.stderr)
    with contextlib.suppress(OSError):
        (CORPUS / name).rmdir()
    done = re.findall(r"Done (\d+) runs|^#(\d+)", told, re.MULTILINE)
    count = max((int(a or b) for a, b in done), default=0)
    return f"{count:,}", "broken" if ended.returncode else "held"


def growth(name: str) -> tuple[float, bytes]:
    """How many times as long ten times the input takes, at worst, and of what."""
    from tests.fuzz.targets import TARGETS

    worst, of = 0.0, b""
    for before, unit, after in TARGETS[name].units:
        count = max(1, OCTETS // len(unit))
        while count * 10 * len(unit) <= TARGETS[name].longest:
            short = _best(name, before + unit * count + after)
            if short < MEASURABLE and count * 20 * len(unit) <= TARGETS[name].longest:
                count *= 2
                continue
            times = _best(name, before + unit * (10 * count) + after) / max(short, MEASURABLE / 4)
            if times > MOST:  # once more, since a machine that is busy elsewhere measures badly
                times = min(
                    times,
                    _best(name, before + unit * (10 * count) + after, 9)
                    / _best(name, before + unit * count + after, 9),
                )
            if times > worst:
                worst, of = times, unit
            break
    return worst, of


def _best(name: str, octets: bytes, tries: int = 3) -> float:
    from tests.fuzz.targets import TARGETS

    spent = []
    gc.disable()  # which looks at all that there is, ever again
    for _ in range(tries):
        begun = time.process_time()
        TARGETS[name].call(octets)
        spent.append(time.process_time() - begun)
    gc.enable()
    gc.collect()
    return min(spent)


def main(arguments: list[str]) -> int:
    from tests.fuzz.targets import TARGETS

    seconds = int(arguments[0]) if arguments else 20
    names = arguments[1:] or list(TARGETS)
    rows = []
    for name in names:
        count, result = run(name, seconds) if seconds else ("-", "-")
        times, unit = growth(name)
        linear = f"{times:.1f} ({unit[:20]!r})" + (" NOT LINEAR" if times > MOST else "")
        rows.append((name, count, result, linear))
        print(f"{name}: {count} inputs, {result}; ten times the input, times the time: {linear}", flush=True)
    heading = ("parser", "inputs", "result", "ten times the input: times the time")
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(4)]
    print()
    for row in [heading, tuple("-" * width for width in widths), *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    return any("broken" in row[2] or "NOT LINEAR" in row[3] for row in rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fuzz"]:
        fuzz(sys.argv[2], sys.argv[3:])
    sys.exit(main(sys.argv[1:]))
