"""Workloads, and the arrivals that the generator makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_common.scenario import Scenario
from headroom_common.scenario.compile import compile_model
from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.random import trial_stream
from headroom_generator.domain.arrivals import (
    NO_ARRIVALS,
    carry_streams,
    generate_segment,
    open_streams,
)
from headroom_generator.domain.plan import plan_arrivals

if TYPE_CHECKING:
    from headroom_common.scenario.compile import CompiledScenario
    from headroom_common.simcore.world import World

Document = dict[str, Any]
Columns = dict[str, np.ndarray[Any, Any]]

MS = 1_000_000
SECOND = 1_000_000_000
SCALE = 1 if COMPILED else 50
"""By how much statistical tests are smaller where kernels are plain Python."""


def workload(arrivals: Document, name: str = "users", **more: Any) -> Document:
    """A workload straight to the only server."""
    return {"name": name, "entry": "app", "arrivals": arrivals} | more


def poisson(rate: Any) -> Document:
    """Poisson arrivals."""
    return {"kind": "poisson", "rate": rate}


def even(rate: Any) -> Document:
    """Evenly spaced arrivals."""
    return {"kind": "deterministic", "rate": rate}


def profile(shape: str, *points: tuple[str, str]) -> Document:
    """A rate that changes over time."""
    return {"shape": shape, "points": [{"at": at, "rate": rate} for at, rate in points]}


def document(*workloads: Document, horizon: str = "10s", **spec: Any) -> Document:
    """A scenario with these workloads; its server has two endpoints."""
    endpoints = [{"name": name, "steps": [{"cpu": "1ms"}]} for name in ("/a", "/b")]
    mixed = [{"mix": [{"endpoint": "/a"}]} | each for each in workloads]
    servers = [{"name": "app", "cores": 1, "endpoints": endpoints}]
    return {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "arrivals"},
        "spec": {"horizon": horizon, "workloads": mixed, "servers": servers} | spec,
    }


def compiled(*workloads: Document, **spec: Any) -> CompiledScenario:
    """The tables of such a scenario."""
    return compile_model(Scenario.from_dict(document(*workloads, **spec)))


def opened(scenario: CompiledScenario, seed: int = 1) -> World:
    """A world whose streams stand at their first arrivals."""
    world = scenario.world(trial_stream(seed, 0))
    open_streams(world, plan_arrivals(scenario.arrivals, world), None)
    return world


def segments(scenario: CompiledScenario, room: int, seed: int = 1) -> list[tuple[Columns, int]]:
    """All segments of a trial with their watermarks, each made in a new world from what was carried."""
    found: list[tuple[Columns, int]] = []
    carried: Columns | None = None
    while True:
        world = scenario.world(trial_stream(seed, 0))
        open_streams(world, plan_arrivals(scenario.arrivals, world), carried)
        rows, watermark = generate_segment(world, room)
        found.append((rows._asdict(), watermark))
        if watermark == NO_ARRIVALS:
            return found
        carried = carry_streams(world)


def arrivals(*workloads: Document, seed: int = 1, **spec: Any) -> Columns:
    """All arrivals of a trial in one table."""
    rows, watermark = generate_segment(opened(compiled(*workloads, **spec), seed), 1_000_000)
    assert watermark == NO_ARRIVALS
    return rows._asdict()


def times(*workloads: Document, seed: int = 1, **spec: Any) -> list[int]:
    """The instants of all arrivals, in ns."""
    return arrivals(*workloads, seed=seed, **spec)["t0"].tolist()  # type: ignore[no-any-return]
