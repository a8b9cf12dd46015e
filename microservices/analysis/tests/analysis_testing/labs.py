"""Experiments whose runs are made up: a function says what every trial measures, and nothing is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import numpy as np

from headroom_analysis.domain.exact import Tally
from headroom_analysis.domain.measures import Measure
from headroom_analysis.domain.partials import STATES, Partial
from headroom_analysis.domain.trees import places_of, row_of
from headroom_analysis.domain.trial import RunTotals, TrialSummary, trial_tree
from headroom_analysis.experiments import Batch, advance
from headroom_analysis.plans import plan_of
from headroom_analysis.store import KeptTrials
from headroom_common.contracts.events import RunParameters
from headroom_common.experiments.model import Experiment
from headroom_common.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

SHOP: Final[dict[str, Any]] = Scenario.from_dict(
    {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "shop"},
        "spec": {
            "horizon": "100s",
            "sample_period": "500ms",
            "workloads": [
                {"name": "visitors", "entry": "lb", "arrivals": {"kind": "poisson", "rate": "50/s"}}
            ],
            "routers": [{"name": "lb", "policy": "round_robin", "targets": [{"server": "app"}]}],
            "servers": [
                {
                    "name": "app",
                    "replicas": 2,
                    "cores": 2,
                    "endpoints": [{"name": "/", "steps": [{"cpu": "5ms"}, {"io": "20ms"}]}],
                }
            ],
        },
    }
).canonical()
"""A small scenario, canonical: what an experiment is about where it does not matter."""

_RUNS: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial whose numbers are wanted.

    Attributes:
        scenario: canonical, as it would be simulated.
        index: of the trial, over all batches of its point.
    """

    scenario: dict[str, Any]
    index: int


@dataclass(frozen=True, slots=True)
class Played:
    """An experiment from its start to its end.

    Attributes:
        document: what it found out.
        rounds: the batches that it asked for, one list per time.
    """

    document: dict[str, Any]
    rounds: list[tuple[Batch, ...]]


def play(
    plan: Mapping[str, Any],
    numbers: Callable[[Trial], Mapping[str, float]],
    *,
    in_system: Callable[[dict[str, Any]], NDArray[np.int64]] | None = None,
    **options: Any,
) -> Played:
    """Play an experiment on `SHOP`.

    Args:
        plan: its kind, and what that kind needs.
        numbers: what a trial measures, by names such as `latency.p99 of server app`; all else has no data.
        in_system: how many requests are in the first server at each sample instant of a scenario's pilot.
        options: the other fields of an experiment.
    """
    experiment = Experiment.model_validate({"scenario": SHOP, "plan": dict(plan), **options})
    known: dict[str, KeptTrials] = {}
    rounds = []
    while (step := advance(experiment, known)).document is None:
        rounds.append(step.wanted)
        for batch in step.wanted:
            known[batch.name] = made_up(batch, numbers)
            if batch.name.endswith("pilot") and in_system is not None:
                samples = np.zeros_like(known[batch.name].totals.samples.low)
                samples[:-1, STATES.index("in_system")] = in_system(batch.scenario)
                known[batch.name].totals.samples = Tally.of(samples)
    return Played(step.document, rounds)


def made_up(batch: Batch, numbers: Callable[[Trial], Mapping[str, float]]) -> KeptTrials:
    """Return the trials of a batch as if they had measured some numbers, and nothing else."""
    scenario = Scenario.from_dict(batch.scenario)
    plan = plan_of(
        RunParameters(
            run_id=uuid5(_RUNS, f"{scenario.content_hash()} {batch.name}"),  # what is compiled is kept by it
            scenario=batch.scenario,
            scenario_hash=scenario.content_hash(),
            seed=batch.seed,
            trials=batch.trials,
        )
    )
    shape = trial_tree(Partial.empty(plan.layout), plan.layout, plan.facts.servers)
    places = places_of(shape)
    first = 0 if batch.name.endswith("pilot") else int(batch.name.partition("/")[2])
    summaries = []
    for index in range(batch.trials):
        row = row_of(shape)
        for name, number in numbers(Trial(batch.scenario, first + index)).items():
            metric, _, scope = name.partition(" of ")
            kind, _, member = scope.partition(" ")
            row[Measure(metric, kind or None, member or None).place(places, plan.facts)] = number
        summaries.append(TrialSummary(index, 0, row, 0.0))
    return KeptTrials(plan, tuple(summaries), RunTotals.empty(plan.layout), "none")
