"""From the spool to the next hop."""
