"""The operator's command: `smtpeter --config FILE …`. It reads and writes the store through the ledgers' own verbs.

Errors go to standard error, one line; exit status 1, or 2 for a wrong usage. Every listing takes `--json`.
"""

from smtpeter.cli.command import main

__all__ = ["main"]
