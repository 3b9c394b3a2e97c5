"""What comes back: recognised, recorded, forwarded."""
