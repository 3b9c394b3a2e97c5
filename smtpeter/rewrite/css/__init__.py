"""Inline CSS: rules of style blocks are copied to `style` attributes of the elements that they match."""
