"""Scenarios and worlds that the tests start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter

from headroom_common.scenario import Scenario
from headroom_common.scenario.compile import CompiledScenario, compile_model
from headroom_common.scenario.compiling.distributions import DistributionTable
from headroom_common.scenario.distributions import Dist
from headroom_common.simcore.jit import COMPILED
from headroom_common.simcore.tables import S_STREAM, SCALAR_COLUMNS, SCALARS
from headroom_common.simcore.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

Document = dict[str, Any]

MS = 1_000_000
SECOND = 1_000_000_000
STREAM = -7_046_029_254_386_353_131
"""A key of draws; negative, as half of them are."""

SAMPLES = 200_000 if COMPILED else 4_000
"""How many samples a test of a law takes; fewer where each is plain Python."""

DISTRIBUTION: TypeAdapter[Any] = TypeAdapter(Dist)


def app(*steps: Document, **more: Any) -> Document:
    """A server with one core and one endpoint, `/`, that does the given steps."""
    return {"name": "app", "cores": 1, "endpoints": [{"name": "/", "steps": list(steps)}]} | more


def workload(**more: Any) -> Document:
    """A workload of 10 requests per second straight to the server `app`."""
    return {"name": "users", "entry": "app", "arrivals": {"kind": "poisson", "rate": "10/s"}} | more


def scenario(**spec: Any) -> Scenario:
    """A scenario of one workload and one server, with the given parts of its spec replaced."""
    whole = {"horizon": "10s", "workloads": [workload()], "servers": [app({"cpu": "1ms"})]} | spec
    head = {"apiVersion": "headroom.dev/v1", "kind": "Scenario", "metadata": {"name": "under-test"}}
    return Scenario.from_dict(head | {"spec": whole})


def compiled(*, late_bound: bool = False, **spec: Any) -> CompiledScenario:
    """The tables of such a scenario."""
    return compile_model(scenario(**spec), late_bound=late_bound)


def world_of_laws(laws: Sequence[Any], stream: int = STREAM) -> World:
    """A world of nothing but laws, a row of `LAWS` each as long as all differ."""
    table = DistributionTable()
    for law in laws:
        table.add(DISTRIBUTION.validate_python(law))
    scalars = np.zeros((1, SCALAR_COLUMNS), np.int64)
    scalars[0, S_STREAM] = stream
    return World({SCALARS: scalars, **table.tables()})
