"""How every ledger in memory answers: at once, by a Deferred, as the real ones do.

The ledgers beside this module keep the promises of the interfaces (the contract suites run on them too) and forget all
else. Set `trouble` to an exception and each verb fails with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed


class Fake:
    """`trouble`: what every verb fails with, None when all is well; `calls`: the names of the verbs asked for."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.calls: list[str] = []

    def _answer(self, verb: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        self.calls.append(verb.__name__.strip("_"))
        if self.trouble is not None:
            return fail(self.trouble)
        try:
            return succeed(verb(*arguments))
        except Exception as error:  # any: it belongs to who asked
            return fail(error)
