"""Every parser of strangers' octets raises nothing but what it declares: on what is kept, and on that altered."""

import random

import pytest

from tests.fuzz.targets import CORPUS, TARGETS, Target

ALTERATIONS = 60  # of what is kept for each; `make fuzz` makes millions, led by what they reach
_PIECES = (
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"\xff",
    b"<",
    b">",
    b'"',
    b"\\",
    b"(",
    b"=",
    b";",
    b":",
    b"%",
    b"&#0;",
    b"--",
    b"\xe2\x80\xa8",
)


def altered(octets: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randrange(1, 5)):
        start = chance.randrange(len(octets) + 1)
        end = min(len(octets), start + chance.choice((0, 0, 1, 4, 60)))
        piece = chance.choice(
            (chance.choice(_PIECES), octets[start:end] * 2, chance.randbytes(chance.randrange(4)))
        )
        octets = octets[:start] + piece + octets[end:]
    return octets


@pytest.mark.row(156)
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_nothing_breaks_it(target: Target) -> None:
    """The same alterations in each run."""
    chance = random.Random(target.name)
    kept = target.kept()
    for octets in (b"", *kept, *(altered(chance.choice(kept), chance) for _ in range(ALTERATIONS))):
        try:
            target.call(octets)
        except Exception as error:
            error.add_note(f"{target.name}: {octets!r}")
            raise


def test_what_is_kept_is_for_a_target_that_there_is() -> None:
    assert {entry.name for entry in CORPUS.iterdir() if entry.is_dir()} <= set(TARGETS)
