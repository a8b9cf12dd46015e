"""Shared helpers of the report's tests: a realistic document, a strict page reader, a real browser."""
