"""Fetches what is attached by URL: from public addresses only, within a size and a time."""

from __future__ import annotations

from smtpeter.request.client import NoAnswer
from smtpeter.request.target import NotAllowed, read
from smtpeter.web.api.problem import Problem
from smtpeter.web.pictures import Get

PATIENCE = 30.0  # seconds for all of it
_FIELDS = (("Accept", "*/*"),)


class Fetching:
    """`get` makes requests; which addresses it may go to is its own matter."""

    def __init__(self, get: Get) -> None:
        self._get = get

    async def __call__(self, url: str, field: str, limit: int, /) -> tuple[bytes, str]:
        """The octets, and their media type; raises Problem 422, which says why it cannot be had."""
        try:
            read(url, allow_private=True)  # a URL at all
        except NotAllowed:
            raise Problem(422, "expected an http or https URL", field) from None
        try:
            answer = await self._get("GET", url, _FIELDS, most=limit)
        except NoAnswer as error:
            # What names mean in our networks is not told.
            private = isinstance(error.__cause__, NotAllowed)
            why = "its host has no public address" if private else str(error)
            raise Problem(422, why, field) from None
        if answer.status != 200:
            raise Problem(422, f"its host answered {answer.status}", field)
        return answer.body, answer.field("content-type").partition(";")[0].strip()
