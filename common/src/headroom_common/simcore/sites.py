"""The sites of draws: what a random number is for. Two draws of one request at two sites are independent.

A draw that needs several uniforms uses ``site + k * SUBSITE`` for its k-th one, k = 0, 1, ….
"""

from __future__ import annotations

from typing import Final

GAP: Final = 1
"""Time to the request since the one before it (Poisson arrivals); identity: the request."""
USERS: Final = 2
"""Number of active users in a window; identity: ``window << 16 | workload``."""
ENDPOINT: Final = 3
"""Which endpoint of the mix."""
SESSION: Final = 4
"""Which session the request belongs to."""
POLICY: Final = 5
"""The balancing policy's draw (random, weighted random, traffic split, first of two choices)."""
POLICY_SECOND: Final = 6
"""The second of two choices."""
THINK: Final = 7
"""Think time before a closed-loop request (also before a user's first)."""
LINK_LOSS: Final = 64
"""Loss on hop h: ``LINK_LOSS + 2 * h``. Hops count as in docs/semantics.md."""
LINK_DELAY: Final = 65
"""Delay on hop h: ``LINK_DELAY + 2 * h``."""
STEP: Final = 1024
"""Duration of the i-th instruction of the endpoint: ``STEP + i``.

Instructions are counted in the flattened order of the steps: each cpu and io step is one, each pool block is
an acquire before its inner steps and a release after them.
"""
SUBSITE: Final = 1 << 20
