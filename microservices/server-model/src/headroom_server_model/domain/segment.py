"""One segment: what the router handed over, simulated up to the watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_server_model.domain.by_loop import simulate_by_loop
from headroom_server_model.domain.by_recursion import simulate_by_recursion

if TYPE_CHECKING:
    from headroom_common.simcore.world import World
    from headroom_server_model.domain.records import SegmentResult, Table, Tables


class Servers(NamedTuple):
    """What simulates a trial's servers.

    Attributes:
        world: a new world of the compiled scenario for the trial.
        lines: how many delay lines the scenario's programs use.
        feed_forward: whether the recursion may take the scenario (`by_recursion.is_feed_forward`); it changes
            no result.
    """

    world: World
    lines: int
    feed_forward: bool


def simulate_segment(
    servers: Servers, routed: Table, ended: Table, carried: Tables, watermark: int
) -> SegmentResult:
    """Simulate the servers from the last watermark to this one.

    Args:
        servers: of the trial.
        routed: the router's rows: `id`, `workload`, `endpoint`, `t0`, `ready_ns`, `phase`, `target`,
            `server`, `hop0`, ….
        ended: requests that ended before they reached a server, as rows of the `requests` table.
        carried: the state that the segment before carried out; empty for the first.
        watermark: everything before this instant (ns) is known; at the end of a trial, `NEVER`.
    """
    if servers.feed_forward:
        result = simulate_by_recursion(servers.world, routed, ended, carried, watermark)
        if result is not None:
            return result
    return simulate_by_loop(servers.world, servers.lines, routed, ended, carried, watermark)
