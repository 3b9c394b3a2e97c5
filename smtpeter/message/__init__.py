"""Values and pure functions about messages: no I/O, no clock, no chance, nothing from other rooms."""
