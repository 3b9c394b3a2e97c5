"""A content on its way in, by DATA or by BDAT: its memory, its pace, and the message it is for."""

from __future__ import annotations

from smtpeter.message.status import Refusal, Reply
from smtpeter.session.interface import IContentMessage
from smtpeter.session.limits import Limits, Quota
from smtpeter.smtp.framing import BdatReader, DataReader

NO_MEMORY = Reply(452, "4.3.1", "Too much is coming in at once, try again later")


class Reception:
    """Counts what `reader` keeps against the quota; what does not fit is drained, then refused with 452.

    Times are seconds of one clock. `release` must be called once, whatever became of the content.
    """

    def __init__(
        self, reader: DataReader | BdatReader, message: IContentMessage | None, quota: Quota, began: float
    ) -> None:
        self.reader = reader
        self.message = message
        self.last = False  # of BDAT: this chunk is the last
        self._quota = quota
        self._began = began
        self._received = 0
        self._reserved = 0

    def grew(self, octets: int) -> None:
        """Account for octets that the reader was fed."""
        self._received += octets
        more = self.reader.size - self._reserved
        if self._quota.reserve(more):
            self._reserved += more
        else:
            self.reader.refuse(Refusal(NO_MEMORY))
            self.release()

    def patience(self, now: float, limits: Limits) -> float:
        """Seconds until more must have come: no silence of command_timeout, no average below minimum_rate."""
        since = now - self._began
        slowest = limits.command_timeout + self._received / limits.minimum_rate
        return max(0.0, min(limits.command_timeout, slowest - since, limits.session_timeout - since))

    def content(self) -> bytes:
        """The whole content; raises the Refusal it met."""
        return self.reader.content()

    def release(self) -> None:
        """Nothing of the content is kept any more."""
        self._quota.release(self._reserved)
        self._reserved = 0

    def interrupt(self) -> None:
        """The content will not come to its end."""
        self.release()
        if self.message is not None:
            self.message.connectionLost()
