"""The simulation core shared by the services: draws, distributions, balancing policies, model tables.

Everything here is pure arithmetic on numbers and arrays, compiled by numba, and gives the same bits when
compilation is switched off with ``NUMBA_DISABLE_JIT=1``.
"""
