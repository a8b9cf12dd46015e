"""Runs and their news, as a gateway tells them."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from headroom_gateway.domain.lives import RunState
from headroom_gateway.representations import Progress, ResultInfo, Run, RunEvent

RUN_ID: Final = UUID("0b6c2c1e-1d3c-4d39-9d2e-1f1b3ab1a001")
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
