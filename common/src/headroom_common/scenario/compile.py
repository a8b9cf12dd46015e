"""Compile a scenario: what users wrote, as the tables that kernels read, with the names of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from headroom_common.scenario.compiling.arrivals import Names, compile_arrivals, compile_workloads
from headroom_common.scenario.compiling.distributions import DistributionTable
from headroom_common.scenario.compiling.faults import (
    StepTable,
    add_down,
    add_link,
    add_slow,
    kills,
    loss_ppb,
)
from headroom_common.scenario.compiling.programs import compile_programs
from headroom_common.scenario.compiling.routing import compile_routers, late_routers, return_paths
from headroom_common.scenario.faults import ServerDown
from headroom_common.simcore.tables import (
    BACKEND_STATE,
    BACKENDS,
    KILLS,
    LINK_DELTAS,
    LINKS,
    RETURN_PATH,
    ROUTER_STATE,
    ROUTERS,
    S_STREAM,
    S_TICKS,
    SCALARS,
    SERVERS,
    STEPS,
    TARGET_STATE,
    TARGETS,
    UNLIMITED,
    ArrivalSpecs,
    Ints,
)
from headroom_common.simcore.world import World

if TYPE_CHECKING:
    from headroom_common.scenario.arrivals import WorkloadSpec
    from headroom_common.scenario.model import Scenario, Spec
    from headroom_common.scenario.topology import ServerSpec

MOST_SAMPLED_REPLICAS = 64
"""Above this number of replicas, series are kept per server instead of per replica."""


@dataclass(frozen=True)
class CompiledScenario:
    """A scenario as tables.

    Attributes:
        tables: what kernels read, by the numbers in `headroom_common.simcore.tables`. Shared: never
        written to.
        lines: how many delay lines the programs use.
        arrivals: what the generator's kernels read.
        endpoint_names: the endpoints' names by index, over all servers.
        target_names: (router, server) of each target by index.
        replicas: (server, index within it) of each replica by row.
        cells: (server, replica or None for all of them) of each cell of the sampled series.
    """

    tables: dict[int, Ints]
    lines: int
    arrivals: ArrivalSpecs
    endpoint_names: tuple[str, ...]
    target_names: tuple[tuple[str, str], ...]
    replicas: tuple[tuple[str, int], ...]
    cells: tuple[tuple[str, int | None], ...]

    def world(self, stream: int) -> World:
        """Return a new world of this scenario, for the trial with these draws."""
        world = self._prototype.copy()
        scalars = self.tables[SCALARS].copy()
        scalars[0, S_STREAM] = stream
        routers, targets, backends = (len(self.tables[number]) for number in (ROUTERS, TARGETS, BACKENDS))
        world.put(SCALARS, scalars)
        world.put(ROUTER_STATE, np.zeros((routers, 2), np.int64))
        world.put(TARGET_STATE, np.zeros((targets, 1), np.int64))
        world.put(BACKEND_STATE, np.zeros((backends, 2), np.int64))
        world.put(LINK_DELTAS, np.zeros((len(self.tables[LINKS]), int(scalars[0, S_TICKS]) + 1), np.int64))
        return world

    @cached_property
    def _prototype(self) -> World:
        return World(self.tables)


def _mixes(spec: Spec, endpoints: dict[str, int]) -> list[list[tuple[int, float]]]:
    """Return each workload's mix as (endpoint index, weight); by default its only endpoint."""
    return [
        [(endpoints[item.endpoint], item.weight) for item in workload.mix]
        if workload.mix
        else [(endpoints[_only_endpoint(spec, workload)], 1.0)]
        for workload in spec.workloads
    ]


def _only_endpoint(spec: Spec, workload: WorkloadSpec) -> str:
    reachable = {workload.entry} | {
        t.server for r in spec.routers if r.name == workload.entry for t in r.targets
    }
    return next(server.endpoints[0].name for server in spec.servers if server.name in reachable)


def _servers(spec: Spec, slots: int, steps: StepTable, *, single: bool) -> Ints:
    """Return `SERVERS`: one row per replica; `single` when each has its own cell of the sampled series."""
    rows: list[tuple[int, ...]] = []
    for group, server in enumerate(spec.servers):
        limits = [_limit(value) for value in (server.memory, server.queue_limit, server.concurrency_limit)]
        pools = [pool.size for pool in server.pools] + [0] * (slots - len(server.pools))
        faulty = any(getattr(fault, "server", None) == server.name for fault in spec.faults)
        for index in range(server.replicas):
            down = add_down(steps, server.name, index, spec.faults) if faulty else (0, 0)
            slow = add_slow(steps, server.name, index, spec.faults) if faulty else (0, 0)
            rows.append((group, len(rows) if single else group, server.cores, *limits, *down, *slow, *pools))
    return np.array(rows, np.int64)


def _limit(value: int | None) -> int:
    return UNLIMITED if value is None else value


def _links(spec: Spec, laws: DistributionTable, steps: StepTable) -> Ints:
    """Return `LINKS`."""
    rows = [
        (laws.add(link.delay), loss_ppb(link.loss), *add_link(steps, link.name, spec.faults))
        for link in spec.links
    ]
    return np.array(rows, np.int64).reshape(-1, 4)


def _endpoint_names(servers: tuple[ServerSpec, ...]) -> list[str]:
    return list(dict.fromkeys(endpoint.name for server in servers for endpoint in server.endpoints))


def compile_model(scenario: Scenario, *, late_bound: bool = False) -> CompiledScenario:
    """Compile a scenario.

    Args:
        scenario: a valid scenario.
        late_bound: let the server-model take all routing decisions; it changes no result.
    """
    spec = scenario.spec
    laws, steps = DistributionTable(), StepTable()
    replicas = [(server.name, index) for server in spec.servers for index in range(server.replicas)]
    starts = np.cumsum([0, *(server.replicas for server in spec.servers)])[:-1].tolist()
    names = Names(
        routers={router.name: row for row, router in enumerate(spec.routers)},
        links={link.name: row for row, link in enumerate(spec.links)},
        first_replica={server.name: start for server, start in zip(spec.servers, starts, strict=True)},
    )
    endpoint_names = _endpoint_names(spec.servers)
    endpoints = {name: row for row, name in enumerate(endpoint_names)}
    slots = max(len(server.pools) for server in spec.servers)
    single = len(replicas) <= MOST_SAMPLED_REPLICAS
    cells: list[tuple[str, int | None]] = list(replicas) if single else [(s.name, None) for s in spec.servers]
    programs, lines = compile_programs(spec.servers, endpoints, laws)
    late = late_routers(spec.routers, spec.workloads, late_bound=late_bound)
    faulty = frozenset(fault.server for fault in spec.faults if isinstance(fault, ServerDown))
    tables = {
        **programs,
        **compile_routers(spec.routers, spec.servers, names, late, faulty),
        **compile_workloads(spec.workloads, _mixes(spec, endpoints), names, laws),
        LINKS: _links(spec, laws, steps),
        SERVERS: _servers(spec, slots, steps, single=single),
        KILLS: kills(replicas, spec.faults),
        RETURN_PATH: return_paths(spec.workloads, spec.routers, names.links),
    }
    tables |= {**laws.tables(), STEPS: steps.table()}
    hops_in = max(len(workload.via) for workload in spec.workloads) + 1
    ticks = spec.horizon // spec.sample_period + 1
    times = (spec.horizon, spec.warmup, spec.sample_period, ticks)
    scalars = (*times, hops_in, tables[RETURN_PATH].shape[1], slots, 0, len(cells))
    tables[SCALARS] = np.array([scalars], np.int64)
    return CompiledScenario(
        tables=tables,
        lines=lines,
        arrivals=compile_arrivals(spec.workloads),
        endpoint_names=tuple(endpoint_names),
        target_names=tuple(
            (router.name, target.server) for router in spec.routers for target in router.targets
        ),
        replicas=tuple(replicas),
        cells=tuple(cells),
    )
