"""From a scenario to the tables that kernels read."""
