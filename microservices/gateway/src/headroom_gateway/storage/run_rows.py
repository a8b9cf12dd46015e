"""From rows of runs to what clients are told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headroom_gateway.domain.lives import RunState
from headroom_gateway.representations import Failure, Progress, ResultInfo, Run
from headroom_gateway.storage.times import from_us, maybe_from_us

if TYPE_CHECKING:
    from collections.abc import Mapping


_SEEDS: Final = 1 << 64


def stored_seed(seed: int) -> int:
    """Return a seed, of any 64 bits, as the table keeps it: a signed integer of as many."""
    return seed - _SEEDS if seed >= _SEEDS // 2 else seed


def seed_of(stored: int) -> int:
    """Return the seed that the table keeps."""
    return stored % _SEEDS


def as_run(row: Mapping[str, Any]) -> Run:
    """Return a run from its row, joined with the one of its result."""
    return Run.model_construct(
        id=row["id"],
        scenario_id=row["scenario_id"],
        scenario_name=row["scenario_name"],
        state=RunState(row["state"]),
        trials=row["trials"],
        seed=seed_of(row["seed"]),
        confidence=row["confidence"],
        segment_arrivals=row["segment_arrivals"],
        late_bound=row["late_bound"],
        created_at=from_us(row["created_at_us"]),
        created_by=row["created_by"],
        clone_of=row["clone_of"],
        experiment_id=row["experiment_id"],
        batch=row["batch"],
        started_at=maybe_from_us(row["started_at_us"]),
        ended_at=maybe_from_us(row["ended_at_us"]),
        sequence=row["sequence"],
        progress=_progress(row),
        failure=_failure(row),
        result=_result(row),
    )


def _progress(row: Mapping[str, Any]) -> Progress | None:
    if row["requests"] is None:
        return None
    return Progress.model_construct(
        trials_done=row["trials_done"],
        trials=row["trials"],
        requests=row["requests"],
        simulated=row["simulated_s"],
        total=row["total_s"],
    )


def _failure(row: Mapping[str, Any]) -> Failure | None:
    if row["failure_reason"] is None:
        return None
    return Failure.model_construct(
        reason=row["failure_reason"], field=row["failure_field"], last_event=row["last_event"]
    )


def _result(row: Mapping[str, Any]) -> ResultInfo | None:
    if row["result_hash"] is None:
        return None
    return ResultInfo.model_construct(
        hash=row["result_hash"],
        size=row["result_size"],
        verdict=row["result_verdict"],
        trials=row["result_trials"],
        partial=row["result_partial"],
        cached=row["cached"],
    )
