"""The API's calls, made for an operator: what a form asks is judged and done by the same code as what a program asks.

The dashboard has judged by his role what he may do; here he reaches everything. What he changes is written down there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from smtpeter.accounts.tokens import AccessToken, Scope
from smtpeter.web.api.route import Call, Handler
from smtpeter.web.dashboard.route import Asked

_OPERATOR = AccessToken("", "", "", tuple(Scope), 0.0)


async def act(asked: Asked, handler: Handler, body: Any = None, query: Any = None) -> Any:
    """What the call gives, as JSON has it; None when that is nothing. Raises Problem."""
    given = await handler(
        Call(_OPERATOR, body, asked.path, query, asked.client, "", {}, b"", asked.operator.name)
    )
    assert isinstance(given.body, bytes)
    return msgspec.json.decode(given.body) if given.body else None
