"""A gateway for tests that says what it is told to, over real HTTP, and remembers what it was asked."""
