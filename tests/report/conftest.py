"""The stores that webhooks are tested on."""

from tests.storage.stores import empty_store, stored

__all__ = ["empty_store", "stored"]
