"""The naive oracle of the simulation and what compares the product with it."""
