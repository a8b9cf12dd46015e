"""The gateway's tables through time."""
