"""Playing a procedure as far as its trials reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headroom_analysis.experiments.capacity import capacity
from headroom_analysis.experiments.compare import compare
from headroom_analysis.experiments.document import experiment_document
from headroom_analysis.experiments.points import Lab
from headroom_analysis.experiments.replicate import replicate
from headroom_analysis.experiments.sensitivity import sensitivity
from headroom_analysis.experiments.sweep import sweep
from headroom_common.experiments.model import Capacity, Compare, Replicate, Sensitivity, Sweep

if TYPE_CHECKING:
    from headroom_analysis.experiments.batches import Batch, Given, Procedure
    from headroom_common.experiments.model import Experiment


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an experiment has come.

    Attributes:
        points: points so far; more may follow.
        trials: trials of these that are known.
    """

    points: int
    trials: int


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from the trials that are known.

    Attributes:
        wanted: runs that are wanted next; none when the experiment is done.
        document: what it found out, when it is done.
        progress: how far it has come.
    """

    wanted: tuple[Batch, ...]
    document: dict[str, Any] | None
    progress: Progress


def advance(experiment: Experiment, known: Given) -> Step:
    """Play an experiment from its start with all trials that are known.

    A pure function: the same experiment and trials give the same step, so that whoever drives an experiment
    has to keep nothing but which batch is which run.

    Args:
        experiment: what is asked for.
        known: the trials of batches by name, of all that were wanted before.

    Raises:
        ScenarioError: a point is not valid.
        PermanentError: the experiment cannot be answered.
    """
    lab = Lab(experiment)
    procedure = _procedure(lab)
    try:
        wanted = next(procedure)
        while all(batch.name in known for batch in wanted):
            wanted = procedure.send({batch.name: known[batch.name] for batch in wanted})
    except StopIteration as end:
        return Step((), experiment_document(lab, end.value), _progress(lab))
    missing = tuple(batch for batch in wanted if batch.name not in known)
    return Step(missing, None, _progress(lab))


def _procedure(lab: Lab) -> Procedure[dict[str, Any]]:
    match lab.experiment.plan:
        case Replicate() as plan:
            return replicate(lab, plan)
        case Sweep() as plan:
            return sweep(lab, plan)
        case Capacity() as plan:
            return capacity(lab, plan)
        case Compare() as plan:
            return compare(lab, plan)
        case Sensitivity() as plan:
            return sensitivity(lab, plan)


def _progress(lab: Lab) -> Progress:
    return Progress(len(lab.points), sum(point.trials for point in lab.points))
