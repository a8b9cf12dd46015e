"""A platform on a real Kubernetes cluster, for tests that disturb it."""
