"""What the rewriters have to know of the server's settings."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Validated http(s) URLs; "" where tracking is not set up."""

    click_url: str = ""
    open_url: str = ""


class Workers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section [rewrite]: the processes that inline CSS. Durations are seconds."""

    workers: int = 1
    cpu_time: float = 5.0  # that one message may take
    memory: int = 512 * 1024 * 1024  # octets, of one process

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= 64:
            raise ValueError(f"workers: expected 1 to 64, got {self.workers}")
        if not 0.1 <= self.cpu_time <= 60:
            raise ValueError('cpu_time: expected "0.1s" to "1m"')
        if self.memory < 128 * 1024 * 1024:
            raise ValueError(f"memory: expected at least {128 * 1024 * 1024}, got {self.memory}")
