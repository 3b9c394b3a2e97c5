"""The door for submitters: judge, rewrite, accept, then the 250."""
