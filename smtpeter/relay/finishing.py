"""Messages whose edits are still to be made when they come in: before that nothing is rendered, or grouped by what leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from smtpeter.message.identifier import show
from smtpeter.relay.admission import Admission
from smtpeter.relay.contents import Entrant
from smtpeter.relay.dispatch import Window
from smtpeter.relay.interface import NotNow, Preparation
from smtpeter.relay.patience import Patience, together
from smtpeter.spool.interface import Spool


@dataclass(frozen=True, slots=True)
class Finishing:
    """Has pending edits made."""

    spool: Spool
    preparation: Preparation
    window: Window
    admission: Admission
    patience: Patience

    _log = Logger()

    async def finish(self, entrant: Entrant) -> Entrant | None:
        """The same, its message with its edits; None when the claims were given back instead.

        Meanwhile the claims take their places in the window.
        """
        message, claims, is_born = entrant.message, entrant.claims, entrant.is_born
        self.window.count(message.login, len(claims), is_born=is_born)
        try:
            finished = await self.patience.insist(partial(self.preparation.finish, message.id))
        except (CancelledError, NotNow):
            release = self.spool.release
            await together(self.patience.insist(partial(release, c, c.delivery.due_at)) for c in claims)
        except Exception:  # noqa: BLE001 - whatever it is: nobody else knows of these claims
            self._log.failure("{message}: its edits could not be made", message=show(message.id))
            await self.admission.put_aside(claims)
        else:
            edited = finished or replace(message, pending=False)
            return replace(entrant, message=edited, is_whole=finished is not None)
        finally:
            self.window.count(message.login, -len(claims), is_born=is_born)
        return None
