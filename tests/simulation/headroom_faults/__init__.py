"""The fault simulator: the real handlers on a simulated platform, with every fault drawn from one seed."""
