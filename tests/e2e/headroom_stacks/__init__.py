"""The whole of Headroom in containers, for the end-to-end tests."""
