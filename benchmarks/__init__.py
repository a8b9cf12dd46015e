"""How fast Headroom is beside simulations of the same models written with SimPy or by hand."""
