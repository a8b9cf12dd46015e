"""Between rows of experiments and what is asked and told of them."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from headroom_common.experiments.model import Compare
from headroom_common.experiments.model import Experiment as AskedExperiment
from headroom_gateway.domain.experiments import ExperimentLife
from headroom_gateway.domain.lives import RunState
from headroom_gateway.experiment_representations import (
    Experiment,
    ExperimentEvent,
    ExperimentFailure,
    ExperimentProgress,
    ExperimentResultInfo,
)
from headroom_gateway.storage.news import StoredNews
from headroom_gateway.storage.times import from_us, maybe_from_us

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIFE: Final = tuple(ExperimentLife.__dataclass_fields__)
_PROGRESS: Final = tuple(ExperimentProgress.model_fields)


def asked_columns(asked: AskedExperiment) -> dict[str, Any]:
    """Return the columns that keep what is asked, but for the experiment's own scenario."""
    other = None
    if isinstance(asked.plan, Compare):
        text = json.dumps(asked.plan.other, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        other = zlib.compress(text.encode())
    rest = asked.model_dump_json(exclude={"scenario": True, "plan": {"other": True}})
    return {"kind": asked.plan.kind, "asked": rest, "other": other}


def asked_of(row: Mapping[str, Any], scenario: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked, as JSON has it.

    Args:
        row: of the experiment.
        scenario: its own, canonical.
    """
    asked: dict[str, Any] = json.loads(row["asked"])
    if row["other"] is not None:
        asked["plan"]["other"] = json.loads(zlib.decompress(row["other"]))
    return {"scenario": scenario, **asked}


def life_of(row: Mapping[str, Any]) -> ExperimentLife:
    """Return what changes about an experiment, from its row."""
    return ExperimentLife(**{name: row[name] for name in _LIFE} | {"state": RunState(row["state"])})


def as_experiment(row: Mapping[str, Any]) -> Experiment:
    """Return an experiment from its row."""
    return Experiment.model_construct(
        id=row["id"],
        kind=row["kind"],
        scenario_id=row["scenario_id"],
        scenario_name=row["scenario_name"],
        **json.loads(row["asked"]),
        state=RunState(row["state"]),
        created_at=from_us(row["created_at_us"]),
        created_by=row["created_by"],
        started_at=maybe_from_us(row["started_at_us"]),
        ended_at=maybe_from_us(row["ended_at_us"]),
        sequence=row["sequence"],
        progress=ExperimentProgress.model_construct(**{name: row[name] for name in _PROGRESS}),
        failure=_failure(row),
        result=_result(row),
    )


def news_of(experiment: Experiment, row: Mapping[str, Any], kind: str) -> StoredNews:
    """Return what is told of a change that a row shows."""
    told = ExperimentEvent(
        experiment_id=experiment.id,
        sequence=experiment.sequence,
        at=from_us(row["changed_at_us"]),
        state=experiment.state,
        progress=experiment.progress,
        failure=experiment.failure,
        result=experiment.result,
    )
    return StoredNews(told.sequence, kind, told.model_dump_json(exclude_none=True))


def _failure(row: Mapping[str, Any]) -> ExperimentFailure | None:
    if row["failure_reason"] is None:
        return None
    return ExperimentFailure.model_construct(reason=row["failure_reason"], field=row["failure_field"])


def _result(row: Mapping[str, Any]) -> ExperimentResultInfo | None:
    if row["document_hash"] is None:
        return None
    return ExperimentResultInfo.model_construct(hash=row["document_hash"], size=row["size"])
