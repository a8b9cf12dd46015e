"""The life of an experiment: what its runs and its users bring about.

    queued ──▶ running ──▶ completed | failed
      │           │
      ▼           ▼
    cancelled ◀── cancelling

An experiment is queued until its first runs are known. As of runs, news come late and twice; what no longer
matters changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from headroom_gateway.domain.lives import RunState


@dataclass(frozen=True, slots=True)
class ExperimentLife:
    """What changes about an experiment.

    Attributes:
        state: where it is; the states are those of runs.
        rounds: how often runs were wanted.
        points: points so far; more may follow.
        runs: runs that were wanted so far.
        trials: trials of these.
        runs_done: runs that have completed.
        trials_done: trials that are complete.
        requests: requests simulated so far.
        failure_reason: why it failed.
        failure_field: path of the field at fault.
        document_hash: what it found out.
    """

    state: RunState
    rounds: int = 0
    points: int = 0
    runs: int = 0
    trials: int = 0
    runs_done: int = 0
    trials_done: int = 0
    requests: int = 0
    failure_reason: str | None = None
    failure_field: str | None = None
    document_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """More runs are wanted.

    Attributes:
        points: points so far.
        runs: runs that are new.
        trials: trials of these.
    """

    points: int
    runs: int
    trials: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """Its runs came further.

    Attributes:
        runs_done: runs that have completed.
        trials_done: trials that are complete.
        requests: requests simulated so far.
    """

    runs_done: int
    trials_done: int
    requests: int


@dataclass(frozen=True, slots=True)
class Found:
    """It is done.

    Attributes:
        points: points in all.
        document_hash: what it found out.
    """

    points: int
    document_hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """It cannot go on.

    Attributes:
        reason: why.
        field: path of the field at fault; None when it is none.
    """

    reason: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class EndAsked:
    """A user wants no more of it."""


@dataclass(frozen=True, slots=True)
class RunsEnded:
    """None of its runs is under way any more."""


ExperimentNews = Wanted | Advanced | Found | Broken | EndAsked | RunsEnded
"""Whatever may happen to an experiment."""


_OPEN: Final = frozenset({RunState.QUEUED, RunState.RUNNING})
_HEARD: Final[Mapping[type[ExperimentNews], frozenset[RunState]]] = {
    Wanted: _OPEN,
    Advanced: frozenset({RunState.RUNNING}),
    Found: _OPEN,
    Broken: _OPEN,
    EndAsked: _OPEN,
    RunsEnded: frozenset({RunState.CANCELLING}),
}
"""In which states news matter."""


def change_experiment(life: ExperimentLife, news: ExperimentNews) -> ExperimentLife | None:
    """Return an experiment as it is after news, None when they change nothing."""
    if life.state not in _HEARD[type(news)]:
        return None
    later = _changed(life, news)
    return None if later == life else later


def _changed(life: ExperimentLife, news: ExperimentNews) -> ExperimentLife:
    changes: dict[str, Any]
    match news:
        case Wanted():
            changes = {
                "state": RunState.RUNNING,
                "rounds": life.rounds + 1,
                "points": max(life.points, news.points),
                "runs": life.runs + news.runs,
                "trials": life.trials + news.trials,
            }
        case Advanced():
            changes = {
                "runs_done": max(life.runs_done, news.runs_done),
                "trials_done": max(life.trials_done, news.trials_done),
                "requests": max(life.requests, news.requests),
            }
        case Found():
            changes = {
                "state": RunState.COMPLETED,
                "points": news.points,
                "document_hash": news.document_hash,
            }
        case Broken():
            changes = {
                "state": RunState.FAILED,
                "failure_reason": news.reason,
                "failure_field": news.field,
            }
        case EndAsked():
            queued = life.state is RunState.QUEUED
            changes = {"state": RunState.CANCELLED if queued else RunState.CANCELLING}
        case RunsEnded():
            changes = {"state": RunState.CANCELLED}
    return replace(life, **changes)
