"""The composition root: builds the rooms, hands each its neighbours, starts and stops them in order."""
