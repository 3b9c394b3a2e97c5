"""What the rewriters have to know of the server's settings."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Validated http(s) URLs; "" where tracking is not set up."""

    click_url: str = ""
    open_url: str = ""
