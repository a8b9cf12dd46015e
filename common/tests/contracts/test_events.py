from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from pydantic import ValidationError

from headroom_common.contracts.events import (
    Body,
    CompletedHeader,
    ControlBody,
    RunCompleted,
    RunFailed,
    RunParameters,
    RunProgressed,
    RunStopped,
    SegmentHeader,
    ServicePolled,
    ServiceStateChanged,
)

RUN_ID = UUID("0c9f6a52-4c7b-4f5e-8d0a-3b1f7f1f9a11")


def test_defaults_of_a_run(run: RunParameters) -> None:
    assert (run.segment_arrivals, run.window, run.late_bound, run.confidence) == (122_880, 2, False, 0.95)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("run_id", str(RUN_ID)),  # strict: a text is no UUID outside JSON
        ("seed", -1),
        ("seed", 2**64),
        ("seed", 1.0),
        ("trials", 0),
        ("trials", True),
        ("segment_arrivals", 0),
        ("window", 0),
        ("late_bound", 1),
        ("confidence", 0.0),
        ("confidence", 1.0),
        ("confidence", float("nan")),
        ("scenario_hash", ""),
        ("scenario", []),
        ("scenario", {"rate": float("nan")}),
        ("scenario", {"rate": float("inf")}),
        ("scenario", {"nested": [{"when": np.int64(3)}]}),
        ("scenario", {1: "a"}),
        ("surprise", 1),
    ],
)
def test_a_run_refuses(run: RunParameters, field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        RunParameters(**{**dict(run), field: value})


@pytest.mark.parametrize("field", ["trial", "segment"])
def test_positions_are_not_negative(header: SegmentHeader, field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        SegmentHeader(**{**dict(header), field: -1})


def test_a_part_is_one_of_its_parts(header: SegmentHeader) -> None:
    assert CompletedHeader(**dict(header), part=2, parts=3).subject == f"{header.subject}/2"
    with pytest.raises(ValidationError, match=r"part: expected less than parts \(3\), found 3"):
        CompletedHeader(**dict(header), part=3, parts=3)


def test_results_hold_json_only() -> None:
    with pytest.raises(ValidationError, match="result"):
        RunCompleted(run_id=RUN_ID, result={"p99": float("nan")})
    with pytest.raises(ValidationError, match="result"):
        RunCompleted(run_id=RUN_ID, result={"histogram": np.zeros(3)})


def test_a_run_may_stop_without_a_result() -> None:
    assert RunStopped(run_id=RUN_ID, trials_done=0).result is None
    with pytest.raises(ValidationError, match="trials_done"):
        RunStopped(run_id=RUN_ID, trials_done=-1)
    with pytest.raises(ValidationError, match="result"):
        RunStopped(run_id=RUN_ID, trials_done=1, result={"p99": float("inf")})


def test_a_failure_has_a_reason() -> None:
    assert RunFailed(run_id=RUN_ID, reason="x").field is None
    with pytest.raises(ValidationError, match="reason"):
        RunFailed(run_id=RUN_ID, reason="")


def test_progress_counts_from_zero() -> None:
    with pytest.raises(ValidationError, match="requests"):
        RunProgressed(run_id=RUN_ID, trials_done=0, trials=1, requests=-1, simulated_ns=0, trial=0)


def test_bodies_tell_what_they_are_about(bodies: Mapping[str, Body]) -> None:
    told = {name.removeprefix("headroom."): body.subject for name, body in bodies.items()}
    assert told == {
        "run.requested.v1": f"{RUN_ID}",
        "run.cancelled.v1": f"{RUN_ID}",
        "arrivals.generated.v1": f"{RUN_ID}/3/7",
        "requests.routed.v1": f"{RUN_ID}/3/7",
        "segment.simulated.v1": f"{RUN_ID}/3/7",
        "requests.completed.v1": f"{RUN_ID}/3/7/1",
        "trial.analysed.v1": f"{RUN_ID}/3",
        "run.progressed.v1": f"{RUN_ID}",
        "run.completed.v1": f"{RUN_ID}",
        "run.failed.v1": f"{RUN_ID}",
        "run.stopped.v1": f"{RUN_ID}",
        "run.deleted.v1": f"{RUN_ID}",
        "service.state_changed.v1": "router/router-0",
        "service.polled.v1": "9a4c9b0e-6f0e-4d0b-9a57-1f0f4f1c7b21",
    }


def test_all_that_is_not_about_services_belongs_to_a_run(bodies: Mapping[str, Body]) -> None:
    for body in bodies.values():
        expected = None if isinstance(body, ServiceStateChanged | ServicePolled) else RUN_ID
        assert body.correlation == expected


def test_control_bodies_survive_json(bodies: Mapping[str, Body]) -> None:
    for body in bodies.values():
        if isinstance(body, ControlBody):
            assert type(body).model_validate_json(body.model_dump_json()) == body


def test_control_bodies_cannot_be_changed(run: RunParameters) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        run.trials = 3
