"""The REST API under /v1/: its calls as one table, from which requests are read and the OpenAPI document is made."""
