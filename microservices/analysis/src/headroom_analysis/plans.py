"""From a run's parameters to what the statistics need: the layout of its tables, and names."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from headroom_analysis.domain.facts import ObjectiveFacts, PoolFacts, RunFacts, ServerFacts
from headroom_analysis.domain.layout import Layout, layout_of
from headroom_common.scenario import Objective, PoolStep, Scenario, ServerSpec
from headroom_common.scenario.runs import compiled_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headroom_common.contracts.events import RunParameters
    from headroom_common.scenario import Step


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What the statistics know of a run before its first event.

    Attributes:
        layout: sizes and maps.
        facts: names and parameters.
    """

    layout: Layout
    facts: RunFacts


def plan_of(run: RunParameters) -> RunPlan:
    """Return the plan of a run.

    Raises:
        PermanentError: the scenario in the run's parameters is not valid.
    """
    compiled = compiled_run(run)
    scenario = Scenario.from_dict(run.scenario)
    spec = scenario.spec
    facts = RunFacts(
        name=scenario.metadata.name,
        scenario=run.scenario,
        scenario_hash=run.scenario_hash,
        engine_version=version("headroom-analysis"),
        seed=run.seed,
        trials=run.trials,
        confidence=run.confidence,
        workloads=tuple(workload.name for workload in spec.workloads),
        endpoints=compiled.endpoint_names,
        links=tuple(link.name for link in spec.links),
        servers=tuple(_server(server) for server in spec.servers),
        objectives=tuple(_objective(objective) for objective in spec.objectives),
    )
    return RunPlan(layout_of(compiled.tables), facts)


def _server(server: ServerSpec) -> ServerFacts:
    depths: dict[str, int] = {}
    for endpoint in server.endpoints:
        _deepen(depths, endpoint.steps, 1)
    return ServerFacts(
        name=server.name,
        replicas=server.replicas,
        cores=server.cores,
        memory_kib=server.memory,
        pools=tuple(PoolFacts(pool.name, pool.size, depths.get(pool.name, 1)) for pool in server.pools),
    )


def _deepen(depths: dict[str, int], steps: Iterable[Step], depth: int) -> None:
    """Note for every pool in a program how deep it is nested at most."""
    for step in steps:
        if isinstance(step, PoolStep):
            depths[step.pool] = max(depths.get(step.pool, 0), depth)
            _deepen(depths, step.steps, depth + 1)


def _objective(objective: Objective) -> ObjectiveFacts:
    kind, name = objective.scope or (None, None)
    return ObjectiveFacts(
        text=objective.text,
        metric=objective.metric,
        operator=objective.operator,
        threshold=objective.threshold,
        kind=kind,
        name=name,
    )
