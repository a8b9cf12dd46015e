"""The choice of an endpoint, for the generator and, in closed loops, the server-model."""

from __future__ import annotations

from typing import Any

from headroom_common.simcore.jit import called
from headroom_common.simcore.random import draw_index, uniform
from headroom_common.simcore.sites import ENDPOINT
from headroom_common.simcore.tables import (
    M_CUMULATIVE,
    M_ENDPOINT,
    MIX,
    S_STREAM,
    SCALARS,
    W_MIX_START,
    W_MIX_STOP,
    WORKLOADS,
)
from headroom_common.simcore.world import row_of, table


@called
def choose_endpoint(world: Any, workload: int, identity: int) -> int:  # noqa: ANN401 - a world
    """Draw an endpoint from the workload's mix."""
    about = row_of(world, WORKLOADS, workload)
    mix = table(world, MIX)
    row = about[W_MIX_START]
    stop = about[W_MIX_STOP]
    if stop - row > 1:
        stream = row_of(world, SCALARS, 0)[S_STREAM]
        mark = draw_index(uniform(stream, identity, ENDPOINT), mix[stop - 1, M_CUMULATIVE])
        while mix[row, M_CUMULATIVE] <= mark:
            row = row + 1
    return mix[row, M_ENDPOINT]
