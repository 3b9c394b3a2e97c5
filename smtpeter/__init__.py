"""smtpeter: a standalone outbound mail server whose logins carry their own switches."""

__version__ = "0.1.0.dev0"
