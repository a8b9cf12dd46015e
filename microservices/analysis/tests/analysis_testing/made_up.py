"""Trials that were made up: runs whose latencies a test chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from headroom_analysis.domain.measures import Measure
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.trees import places_of, row_of
from headroom_analysis.domain.trial import RunTotals, TrialSummary, trial_tree
from headroom_analysis.experiments import advance
from headroom_analysis.plans import plan_of
from headroom_analysis.store import KeptTrials
from headroom_common.contracts.events import RunParameters
from headroom_common.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from headroom_analysis.experiments import Batch
    from headroom_common.experiments.model import Experiment

RUNS = UUID("6d8e1c52-53c5-4c5c-9a57-7a52f6d0e3b4")

World = Mapping[str, float | None]
"""What a trial measures, by metric; None where there are no data."""


def kept(batch: Batch, world: Callable[[dict[str, Any], int], World]) -> KeptTrials:
    """The trials of a batch.

    Args:
        batch: what was asked for.
        world: what a trial of a scenario measures; the number of the trial is that within its point.
    """
    scenario = Scenario.from_dict(batch.scenario)
    plan = plan_of(
        RunParameters(
            run_id=uuid5(RUNS, f"{scenario.content_hash()} {batch.name}"),
            scenario=batch.scenario,
            scenario_hash=scenario.content_hash(),
            seed=batch.seed,
            trials=batch.trials,
        )
    )
    empty = trial_tree(Partial.empty(plan.layout), plan.layout, plan.facts.servers)
    places = places_of(empty)
    first = int(batch.name.partition("/")[2])
    summaries = []
    for trial in range(batch.trials):
        row = row_of(empty)
        for metric, value in world(batch.scenario, first + trial).items():
            row[Measure(metric).place(places, plan.facts)] = value
        summaries.append(TrialSummary(trial, 1, row, 0.0))
    return KeptTrials(plan, tuple(summaries), RunTotals.empty(plan.layout), "none")


def play(
    experiment: Experiment, world: Callable[[dict[str, Any], int], World]
) -> tuple[dict[str, Any], list[Batch]]:
    """Drive an experiment to its end; its document, and all batches in the order they were wanted in."""
    known: dict[str, KeptTrials] = {}
    wanted: list[Batch] = []
    while (step := advance(experiment, known)).document is None:
        assert step.wanted
        wanted += step.wanted
        known |= {batch.name: kept(batch, world) for batch in step.wanted}
    assert step.progress.trials == sum(batch.trials for batch in wanted)
    return step.document, wanted
