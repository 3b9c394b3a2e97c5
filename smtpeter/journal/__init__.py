"""The ledger of what happened: one kind of event a fact, kept in order, followed by a cursor."""
