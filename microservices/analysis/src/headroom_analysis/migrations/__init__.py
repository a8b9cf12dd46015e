"""The tables of the store through time."""
