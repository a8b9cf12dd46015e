"""Queueing theory for tests: closed forms, the models that they hold for, and honest comparisons."""
