"""The contract suite's stores."""

from tests.storage.stores import shelf, stored

__all__ = ["shelf", "stored"]
