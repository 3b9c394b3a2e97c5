"""Requests of ours to hosts that others have named."""
