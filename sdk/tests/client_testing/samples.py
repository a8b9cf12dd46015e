"""Runs and their news, as a gateway tells them."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from headroom_gateway.domain.lives import RunState
from headroom_gateway.experiment_representations import Experiment, ExperimentEvent, ExperimentProgress
from headroom_gateway.representations import Progress, ResultInfo, Run, RunEvent

RUN_ID: Final = UUID("0b6c2c1e-1d3c-4d39-9d2e-1f1b3ab1a001")
EXPERIMENT_ID: Final = UUID("0b6c2c1e-1d3c-4d39-9d2e-1f1b3ab1a002")
NOW: Final = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
STORED: Final = ResultInfo(hash="cd" * 32, size=1000, verdict="pass", trials=4, partial=False, cached=False)


def a_run(state: RunState = RunState.QUEUED, **changes: Any) -> Run:
    """A run in a state."""
    values: dict[str, Any] = {
        "id": RUN_ID,
        "scenario_id": "ab" * 32,
        "scenario_name": "small",
        "state": state,
        "trials": 4,
        "seed": 1,
        "confidence": 0.95,
        "segment_arrivals": 61440,
        "late_bound": False,
        "created_at": NOW,
        "created_by": "tester",
        "sequence": 1,
    }
    return Run(**(values | changes))


def news(sequence: int, state: RunState, trials_done: int | None = None, **changes: Any) -> RunEvent:
    """News of the run; with a number of trials they are of its progress."""
    progress = None
    if trials_done is not None:
        progress = Progress(
            trials_done=trials_done,
            trials=4,
            requests=500 * trials_done,
            simulated=10.0 * trials_done,
            total=40.0,
        )
    return RunEvent(run_id=RUN_ID, sequence=sequence, at=NOW, state=state, progress=progress, **changes)


def an_experiment(state: RunState = RunState.QUEUED, **changes: Any) -> Experiment:
    """An experiment in a state."""
    values: dict[str, Any] = {
        "id": EXPERIMENT_ID,
        "kind": "sweep",
        "scenario_id": "ab" * 32,
        "scenario_name": "small",
        "plan": {"kind": "sweep", "vary": ["spec.servers[0].cores=1..2"]},
        "trials": 2,
        "seed": 1,
        "confidence": 0.95,
        "most_trials": 200,
        "warm_up": "scenario",
        "state": state,
        "created_at": NOW,
        "created_by": "tester",
        "sequence": 1,
        "progress": progressed(0),
    }
    return Experiment(**(values | changes))


def progressed(trials_done: int) -> ExperimentProgress:
    """How far the experiment has come with so many of its four trials."""
    return ExperimentProgress(
        rounds=1,
        points=2,
        runs_done=trials_done // 2,
        runs=2,
        trials_done=trials_done,
        trials=4,
        requests=500 * trials_done,
    )


def experiment_news(sequence: int, state: RunState, trials_done: int = 0, **changes: Any) -> ExperimentEvent:
    """News of the experiment."""
    values: dict[str, Any] = {"experiment_id": EXPERIMENT_ID, "sequence": sequence, "at": NOW, "state": state}
    return ExperimentEvent(**(values | {"progress": progressed(trials_done)} | changes))
