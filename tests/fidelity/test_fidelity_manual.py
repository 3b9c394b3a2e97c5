"""The manual pages of the rewriters say what happens."""

import doctest

import pytest

from tests.kit.daemon import ROOT


@pytest.mark.parametrize("page", ["clicks", "opens", "scam"])
def test_the_examples_are_true(page):
    failed, tried = doctest.testfile(
        str(ROOT / f"docs/rewriters/{page}.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE,
    )
    assert (0, True) == (failed, tried > 7)
