"""Whole platforms for tests: services as processes on throw-away servers."""
