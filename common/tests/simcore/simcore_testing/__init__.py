"""What the tests of the simulation core share."""
