"""The stores that contracts are tested on."""

from tests.storage.stores import either, empty_store, migrated, shared, shelf, stored

__all__ = ["either", "empty_store", "migrated", "shared", "shelf", "stored"]
