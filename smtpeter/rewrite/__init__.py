"""What may change in a message, decided once a message and filled in once a recipient."""
