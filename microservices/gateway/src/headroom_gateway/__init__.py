"""The API gateway: scenarios, runs, progress and results over HTTP."""
