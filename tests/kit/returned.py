"""The corpus of returned messages: ours, each with its expectation in its first line, and flufl.bounce's own.

The first line: `expected: KIND [ACTION or feedback type] | class | status | confidence | recipient`, "-" for none.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.kit.cache import kept
from tests.kit.peers import absent

CORPUS = Path(__file__).parent.parent / "returns" / "corpus"
DETECTORS = "flufl.bounce==6.0.0"


@dataclass(frozen=True)
class Sample:
    """A message that came back, and what it is."""

    name: str
    content: bytes
    kind: str
    action: str
    failure_class: str
    status: str
    confidence: str
    recipient: str


def on_the_wire(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def samples() -> list[Sample]:
    return [sample(path) for path in sorted(CORPUS.glob("*.eml"))]


def sample(path: Path) -> Sample:
    first, _, rest = path.read_bytes().partition(b"\n")
    expected = first.decode().removeprefix("expected: ").split(" | ")
    what, failure_class, status, confidence, recipient = ("" if each == "-" else each for each in expected)
    kind, _, action = what.partition(" ")
    return Sample(path.stem, on_the_wire(rest), kind, action, failure_class, status, confidence, recipient)


def detectors_samples() -> dict[str, bytes]:
    """The test data of flufl.bounce, from its source distribution, fetched once below the user's cache directory."""
    with kept(DETECTORS) as cache:
        if not list(cache.glob("*.tar.gz")):
            fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
            ended = subprocess.run(
                [*fetch, "--dest", str(cache), DETECTORS],
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
            )
            if ended.returncode != 0:
                absent(f"pip cannot fetch {DETECTORS}: {ended.stderr.strip()[-300:]}")
        fetched = next(cache.glob("*.tar.gz"))
    with tarfile.open(fetched) as archive:
        wanted = [each for each in archive if "/tests/data/" in each.name and each.name.endswith(".txt")]
        return {Path(each.name).name: _read(archive, each) for each in wanted}


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    assert opened is not None
    text = opened.read()
    # Some were kept as mailboxes, with their separator line.
    return on_the_wire(text.partition(b"\n")[2] if text.startswith(b"From ") else text)
