"""The numbers of the models that all sides simulate; seconds, MiB and rates per second."""

from __future__ import annotations

from typing import Final

# examples/asyncflow/two_servers_lb.yml with ten times the users and ten times the capacity.
SCALE: Final = 10
USERS: Final = 400 * SCALE
REQUESTS_PER_USER: Final = 20 / 60
WINDOW: Final = 60.0
CORES: Final = 1 * SCALE
MEMORY_MIB: Final = 2048 * SCALE
REQUEST_MIB: Final = 128
CPU: Final = 0.002
IO: Final = 0.012
CLIENT_LINK: Final = 0.003
BALANCER_LINK: Final = 0.002
SERVER_LINK: Final = 0.002
RETURN_LINK: Final = 0.003
LOSS: Final = 0.01

# The peers simulate less of the same, so that one run takes seconds.
PEER_HORIZON: Final = 60.0
PEER_EVENTS: Final = 1_500_000

# M/M/4 with a utilisation of 0.8.
MM4_SERVERS: Final = 4
MM4_SERVICE: Final = 0.010
MM4_ARRIVAL_RATE: Final = 0.8 * MM4_SERVERS / MM4_SERVICE
MM4_CUSTOMERS: Final = 10_000_000
MM4_PEER_CUSTOMERS: Final = 400_000

MEMORY_REQUESTS: Final = 100_000_000
