"""Throw-away servers for tests and benchmarks: free ports, a directory of their own, ended by their ids."""
