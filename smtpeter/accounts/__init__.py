"""The ledger of who may do what: logins with their switches, and the keys that sign our tokens."""
