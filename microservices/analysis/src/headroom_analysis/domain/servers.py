"""The servers of one trial in numbers, and the rules that call a server saturated and name its bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headroom_analysis.domain.latency import NANOSECONDS, counts_by_category, seconds, traffic_tree
from headroom_analysis.domain.partials import POOL_SUMS, SERVER_PEAKS, SERVER_SUMS, STATES
from headroom_analysis.domain.scopes import scopes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_analysis.domain.exact import Tally
    from headroom_analysis.domain.facts import ServerFacts
    from headroom_analysis.domain.layout import Layout
    from headroom_analysis.domain.partials import Partial
    from headroom_analysis.domain.trees import Tree

KIB = 1024
MOST_REPLICAS = 64
"""Up to so many replicas in all, each gets its own entry."""

SATURATED_UTILISATION = 0.95
"""A resource in use for this share of its capacity and time is used up."""

WAITING_SHARE = 0.05
"""Without a used-up resource, waiting below this share of the time in the server names no bottleneck."""

_COLUMN = {name: column for column, name in enumerate(SERVER_SUMS)}
_STATE = {name: column for column, name in enumerate(STATES)}


def server_tree(partial: Partial, layout: Layout, group: int, facts: ServerFacts) -> Tree:
    """Return the numbers of one server group in one trial.

    Time averages are over the window [warm-up, horizon); `mean` of a queue is the average number waiting in
    all replicas together, `wait_mean` the average wait per request that was let in (of a pool: per token
    taken), in seconds; peaks are the largest of any replica.
    """
    window = layout.window_ns
    replicas = np.flatnonzero(layout.group_of_replica == group)
    sums = partial.servers.select(replicas)
    total = dict(zip(SERVER_SUMS, sums.totals(), strict=True))
    peaks = dict(zip(SERVER_PEAKS, partial.server_peaks[replicas].max(axis=0).tolist(), strict=True))
    accepted = total["arrivals"] - total["refused"] - total["shed"]
    per_replica = sums.floats(0, replicas.size) / window
    utilisations = per_replica[:, _COLUMN["busy_ns"]] / facts.cores
    kib_ns = (total["memory_kib_ns_high"] << 20) + total["memory_kib_ns_low"]
    traffic = traffic_tree(counts_by_category(partial, scopes_of(layout).group(group)), layout)
    return {
        "utilisation": total["busy_ns"] / (facts.cores * replicas.size * window),
        "utilisation_max_replica": float(utilisations.max()),
        "memory": {
            "mean": kib_ns * KIB / (replicas.size * window),
            "peak": peaks["peak_memory_kib"] * KIB,
        },
        "in_system": total["in_system_ns"] / window,
        "queues": {
            "cpu": _queue(total["ready_wait_ns"], accepted, window) | {"peak": peaks["peak_ready"]},
            "memory": _queue(total["memory_wait_ns"], accepted, window),
            "pools": [
                _pool(partial, layout, replicas, slot, pool.size) for slot, pool in enumerate(facts.pools)
            ],
        },
        "arrival_rate": total["arrivals"] * NANOSECONDS / window,
        "refused": total["refused"],
        "shed": total["shed"],
        "error_ratio": traffic["error_ratio"],
        "throughput": traffic["throughput"],
        "per_replica": _replica_trees(per_replica, utilisations) if layout.replicas <= MOST_REPLICAS else [],
    }


def _replica_trees(per_window: NDArray[np.float64], utilisations: NDArray[np.float64]) -> list[Tree]:
    """Return the numbers of each replica from its sums divided by the window's length in ns."""
    return [
        {
            "utilisation": float(utilisation),
            "in_system": float(row[_COLUMN["in_system_ns"]]),
            "arrival_rate": float(row[_COLUMN["arrivals"]]) * NANOSECONDS,
        }
        for utilisation, row in zip(utilisations, per_window, strict=True)
    ]


def _queue(wait_ns: int, count: int, window: int) -> Tree:
    return {"mean": wait_ns / window, "wait_mean": seconds(wait_ns, count) if count else None}


def _pool(partial: Partial, layout: Layout, replicas: NDArray[np.intp], slot: int, size: int) -> Tree:
    """Return utilisation and queue of one pool over all replicas of a group."""
    places = replicas * layout.pool_slots + slot
    total = dict(zip(POOL_SUMS, partial.pools.select(places).totals(), strict=True))
    window = layout.window_ns
    return {
        "utilisation": total["held_ns"] / (size * replicas.size * window),
        **_queue(total["wait_ns"], total["acquired"], window),
        "peak": int(partial.pool_peaks[places].max()),
    }


def waiting_grows(samples: Tally, layout: Layout, group: int, cores: int, trials: int) -> bool:
    """Tell whether a group's backlog grew through the measured window.

    Who is inside but neither on a core nor in I/O waits, for memory, a core or a pool. The window's sample
    instants are cut into quarters; the backlog grows when the mean number waiting (over the instants and
    trials of a quarter) rises from the second to the third to the last quarter, ends at twice the second's at
    least, and leaves at least one request per core. A queue that grows at a constant rate reaches 2.3 times;
    a stable one only by chance, less and less likely the more trials.

    Args:
        samples: summed over trials, columns as in `Partial.samples`.
        layout: of the scenario.
        group: which server group.
        cores: of all its replicas together.
        trials: how many are summed.
    """
    waiting = waiting_series(samples, layout, group)
    instants = np.arange(layout.ticks) * layout.period_ns
    inside = waiting[(instants >= layout.warmup_ns) & (instants < layout.horizon_ns)]
    quarters = [float(part.mean()) if part.size else 0.0 for part in np.array_split(inside, 4)]
    _, second, third, last = quarters
    return second < third < last and last >= max(2 * second, cores * trials)


def waiting_series(samples: Tally, layout: Layout, group: int) -> NDArray[np.float64]:
    """Return how many wait in a server group at each tick, summed as `samples` are, shape (ticks,)."""
    states = samples.floats(0, layout.ticks).reshape(layout.ticks, layout.cells, len(STATES))
    mine = states[:, cells_of(layout, group)].sum(axis=1)
    waiting: NDArray[np.float64] = (
        mine[:, _STATE["in_system"]] - mine[:, _STATE["busy"]] - mine[:, _STATE["io"]]
    )
    return waiting


def cells_of(layout: Layout, group: int) -> list[int]:
    """Return the series cells of a server group, ascending."""
    return sorted(set(layout.cell_of_replica[layout.group_of_replica == group].tolist()))


def resource_utilisations(figures: Tree, facts: ServerFacts) -> dict[str, float]:
    """Return the utilisation of each resource that a server has, the innermost first.

    A request that waits for a resource may hold those after it in this order (memory outermost, then outer
    pools), never those before it: while it holds a core it never waits. So the first used-up one is the cause
    of the others' being full.

    Args:
        figures: the server's numbers, averaged over trials.
        facts: of the server.
    """
    pools = sorted(enumerate(facts.pools), key=lambda pool: (-pool[1].depth, pool[0]))
    found = {"cpu": figures["utilisation_max_replica"]}
    for slot, pool in pools:
        found[f"pool:{pool.name}"] = figures["queues"]["pools"][slot]["utilisation"]
    if facts.memory_kib is not None:
        found["memory"] = figures["memory"]["mean"] / (facts.memory_kib * KIB)
    return found


def is_saturated(figures: Tree, facts: ServerFacts, *, grows: bool) -> bool:
    """Tell whether a server is saturated: a resource is used up, requests were shed, or the backlog grew."""
    used_up = any(
        utilisation >= SATURATED_UTILISATION for utilisation in resource_utilisations(figures, facts).values()
    )
    return used_up or figures["shed"] > 0 or grows


def bottleneck_of(figures: Tree, facts: ServerFacts) -> str | None:
    """Name the resource that limits a server, or None when none does.

    The innermost used-up resource (see `resource_utilisations`); without one, the resource for which requests
    wait longest in all, if that is at least `WAITING_SHARE` of their time in the server; equal waits go to
    the innermost.
    """
    utilisations = resource_utilisations(figures, facts)
    for name, utilisation in utilisations.items():
        if utilisation >= SATURATED_UTILISATION:
            return name
    queues = figures["queues"]
    waiting = {"cpu": queues["cpu"]["mean"], "memory": queues["memory"]["mean"]}
    waiting |= {
        f"pool:{pool.name}": queue["mean"] for pool, queue in zip(facts.pools, queues["pools"], strict=True)
    }
    longest = max(utilisations, key=lambda name: waiting[name])
    limit = WAITING_SHARE * figures["in_system"]
    return longest if waiting[longest] > 0 and waiting[longest] >= limit else None
