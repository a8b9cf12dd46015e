"""Experiments: what is asked of a scenario beyond one run of it."""
