"""The composition root: builds the rooms, hands each its neighbours, starts and stops them in order."""

from smtpeter.service.server import Smtpeter, load

__all__ = ["Smtpeter", "load"]
