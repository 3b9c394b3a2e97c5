"""Returned messages recognised per second, in one process: `python bench/returned.py [SECONDS]`.

The messages are those of the corpus of the tests, all kinds in turn; reading, recognising, and for complaints the
search for tokens are in the figure, receiving and recording are not.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from smtpeter.returns.recognise import recognise, tokens_within
from smtpeter.returns.recognition import Kind
from tests.kit.returned import samples


def measure(seconds: float) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds spent on messages of each kind, and how many they were."""
    contents = [each.content for each in samples()]
    spent: dict[str, float] = defaultdict(float)
    counted: dict[str, int] = defaultdict(int)
    while sum(spent.values()) < seconds:
        for content in contents:
            started = time.process_time()
            found = recognise(content)
            if found.kind is Kind.COMPLAINT:
                tokens_within(content)
            spent[found.kind] += time.process_time() - started
            counted[found.kind] += 1
    return spent, counted


def main() -> None:
    spent, counted = measure(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
    print("kind         messages/s of CPU time    messages")
    print(
        f"all          {sum(counted.values()) / sum(spent.values()):10.0f}          {sum(counted.values()):12}"
    )
    for kind in sorted(counted):
        print(f"{kind:12} {counted[kind] / spent[kind]:10.0f}          {counted[kind]:12}")


if __name__ == "__main__":
    main()
