"""The stores that contracts are tested on."""

from tests.storage.stores import empty_store, shelf, stored

__all__ = ["empty_store", "shelf", "stored"]
