"""Experiments that are asked for in tests, and their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway_testing.scenarios import SMALL, result
from headroom_gateway.domain.lives import Completed, Started
from headroom_gateway.experiment_representations import NewExperiment
from headroom_gateway.storage.runs import Filters
from headroom_gateway.submission import Order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from gateway_testing.storage import Storage
    from headroom_gateway.experiment_representations import Experiment
    from headroom_gateway.parts import Parts
    from headroom_gateway.representations import Run

SWEEP = {"kind": "sweep", "vary": ["spec.servers[0].cores=1..2"]}


def wanted(**body: Any) -> NewExperiment:
    """Return an experiment that is asked for."""
    return NewExperiment.model_validate({"scenario": SMALL, "plan": SWEEP, "trials": 3, **body})


async def accepted(parts: Parts, principal: str = "key:tests", **body: Any) -> Experiment:
    """Have an experiment accepted."""
    return (await parts.experiment_submission.submit(wanted(**body), Order(principal))).experiment


async def runs_of(storage: Storage, experiment_id: UUID) -> Sequence[Run]:
    """Return the runs of an experiment, in the order in which they were wanted."""
    found = await storage.runs.page(Filters(experiment_id=experiment_id), None, 200)
    return sorted(found, key=lambda run: run.created_at)


async def complete(storage: Storage, run: Run) -> None:
    """Have a run completed, with a result."""
    kept = await storage.keep(result(run.trials, seed=run.seed), run)
    await storage.tell(run.id, Started(), Completed(kept.hash))


async def complete_all(storage: Storage, experiment_id: UUID) -> None:
    """Have the runs of an experiment completed that are under way."""
    for run in await runs_of(storage, experiment_id):
        if run.state.active:
            await complete(storage, run)


async def until_ended(storage: Storage, parts: Parts, experiment_id: UUID, *, steps: int = 20) -> Experiment:
    """Take steps of an experiment, whose runs complete between them, until it has ended."""
    for _ in range(steps):
        for due in await parts.experimenter.due():
            await parts.experimenter.take_step(due)
        experiment = await storage.experiments.get(experiment_id)
        if not experiment.state.active:
            return experiment
        await complete_all(storage, experiment_id)
    message = f"expected an end, found {experiment.state}"
    raise AssertionError(message)
