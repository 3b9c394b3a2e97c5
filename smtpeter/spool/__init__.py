"""The ledger of messages on their way: the rules of a delivery's life and the interface to whoever keeps it."""
