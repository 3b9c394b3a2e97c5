"""The server's side of an SMTP conversation on Twisted; it has no judgement of its own."""
