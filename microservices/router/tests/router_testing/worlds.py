"""Fleets behind routers, arrivals written down by hand, and trials routed in segments."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_common.scenario import Scenario
from headroom_common.scenario.compile import compile_model
from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.random import trial_stream
from headroom_common.simcore.tables import NEVER
from headroom_router.domain.segment import RoutedSegment, route_segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_common.scenario.compile import CompiledScenario

Document = dict[str, Any]
Table = dict[str, np.ndarray[Any, Any]]

MS = 1_000_000
SECOND = 1_000_000_000
SCALE = 1 if COMPILED else 50
"""By how much statistical tests are smaller where kernels are plain Python."""

OPEN = {"kind": "poisson", "rate": "1/s"}
CLOSED = {"kind": "closed", "users": 9, "think_time": "1s"}


def workload(name: str = "users", **more: Any) -> Document:
    """A workload that enters at the router `lb`."""
    return {"name": name, "entry": "lb", "arrivals": OPEN} | more


def server(name: str = "app", **more: Any) -> Document:
    """A server with one endpoint."""
    return {"name": name, "cores": 1, "endpoints": [{"name": "/", "steps": [{"io": "1ms"}]}]} | more


def router(policy: str = "round_robin", *, name: str = "lb", **more: Any) -> Document:
    """A router in front of `app`."""
    return {"name": name, "policy": policy, "targets": [{"server": "app"}]} | more


def document(**spec: Any) -> Document:
    """A scenario of a router before three replicas, with parts of its spec replaced."""
    whole: Document = {"horizon": "10s", "workloads": [workload()], "servers": [server(replicas=3)]}
    whole |= {"routers": [router()]} | spec
    return {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "routing"},
        "spec": whole,
    }


def compiled(*, late_bound: bool = False, **spec: Any) -> CompiledScenario:
    """The tables of such a scenario."""
    return compile_model(Scenario.from_dict(document(**spec)), late_bound=late_bound)


def arrivals(times: Sequence[int], workloads: Sequence[int] | None = None) -> Table:
    """Arrivals at the given instants in ns, as the generator would number them."""
    which = list(workloads) if workloads is not None else [0] * len(times)
    sequence = [which[:row].count(which[row]) for row in range(len(which))]
    return {
        "id": np.array([n << 16 | w for n, w in zip(sequence, which, strict=True)], np.int64),
        "workload": np.array(which, np.int16),
        "endpoint": np.zeros(len(which), np.int16),
        "t0": np.array(times, np.int64),
    }


def many(count: int, gap: int = MS) -> Table:
    """Evenly spaced arrivals of one workload."""
    return {
        "id": np.arange(count, dtype=np.int64) << 16,
        "workload": np.zeros(count, np.int16),
        "endpoint": np.zeros(count, np.int16),
        "t0": np.arange(count, dtype=np.int64) * gap,
    }


def routed(scenario: CompiledScenario, rows: Table, watermark: int = NEVER, seed: int = 1) -> RoutedSegment:
    """Route all arrivals in one segment."""
    return route_segment(scenario.world(trial_stream(seed, 0)), rows, {}, watermark)


def in_segments(
    scenario: CompiledScenario, rows: Table, cuts: Sequence[int], seed: int = 1
) -> list[RoutedSegment]:
    """Route the same arrivals in segments that start at the given rows."""
    bounds = [0, *sorted(set(cuts)), len(rows["id"])]
    carried: dict[str, Table] = {}
    found = []
    for start, stop in itertools.pairwise(bounds):
        part = {name: column[start:stop] for name, column in rows.items()}
        watermark = int(rows["t0"][stop]) if stop < len(rows["id"]) else NEVER
        segment = route_segment(scenario.world(trial_stream(seed, 0)), part, carried, watermark)
        carried = segment.carried
        found.append(segment)
    return found


def by_id(*tables: Table) -> dict[int, dict[str, int]]:
    """The rows of tables by their ids."""
    found: dict[int, dict[str, int]] = {}
    for table in tables:
        for row, identity in enumerate(table["id"].tolist()):
            assert identity not in found
            found[identity] = {name: int(column[row]) for name, column in table.items()}
    return found


def transit(*tables: Table) -> dict[tuple[int, int], int]:
    """Changes of the numbers in transit, added up by (link, tick), those that cancel left out."""
    found: dict[tuple[int, int], int] = {}
    for table in tables:
        for link, tick, delta in zip(
            *(table[name].tolist() for name in ("link", "tick", "delta")), strict=True
        ):
            found[link, tick] = found.get((link, tick), 0) + delta
    return {place: delta for place, delta in found.items() if delta}
