"""A cluster's API as tests write it."""
