"""The grammar of RFC 5321 and its extensions, without I/O, for both roles."""
