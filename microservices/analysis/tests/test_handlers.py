"""The handlers with real events: what they answer, when, and that handling again answers the same."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from analysis_testing.runs import TIME, completed, run_parameters
from analysis_testing.worlds import SECOND, Tables, all_tables

from headroom_analysis.handlers import PROGRESS_SEGMENTS, Analysis
from headroom_analysis.plans import plan_of
from headroom_analysis.store import MemoryStore
from headroom_common.contracts.codec import decode, encode
from headroom_common.contracts.event import Event, Outgoing, caused_event, root_event
from headroom_common.contracts.events import (
    RequestsCompleted,
    RunCancelled,
    RunCompleted,
    RunDeleted,
    RunProgressed,
    RunStopped,
    TrialAnalysed,
)
from headroom_common.errors import PermanentError

RUN = run_parameters(trials=2)
LAYOUT = plan_of(RUN).layout
CANCELLED = root_event(RunCancelled(run_id=RUN.run_id), source="/headroom/gateway/0", time=TIME)


def tables(seed: int, rows: int = 50) -> Tables:
    return all_tables(np.random.default_rng(seed), LAYOUT, rows)


def event(trial: int, segment: int, part: int = 0, **sizes: Any) -> Event[RequestsCompleted]:
    seed = trial * 100 + segment * 10 + part
    return completed(RUN, (trial, segment, part), tables(seed), **({"segments": 2} | sizes))


def handle(analysis: Analysis, *events: Event[RequestsCompleted]) -> list[Outgoing]:
    return [output for one in events for output in analysis.requests_completed(one)]


def kinds(outputs: list[Outgoing]) -> list[str]:
    return [type(output.body).__name__ for output in outputs]


def result_of(outputs: list[Outgoing]) -> dict[str, Any]:
    (body,) = [output.body for output in outputs if isinstance(output.body, RunCompleted)]
    return body.result


def test_a_run_is_told_from_trial_to_result() -> None:
    analysis = Analysis(MemoryStore())
    assert handle(analysis, event(0, 0), event(1, 0)) == []
    analysed, progressed = handle(analysis, event(0, 1))
    assert analysed.body == TrialAnalysed(run=RUN, trial=0)
    assert progressed.body == RunProgressed(
        run_id=RUN.run_id, trials_done=1, trials=2, requests=150, simulated_ns=15 * SECOND, trial=0
    )
    outputs = handle(analysis, event(1, 1))
    assert kinds(outputs) == ["TrialAnalysed", "RunProgressed", "RunCompleted"]
    result = result_of(outputs)
    assert (result["format"], result["trials"], result["requests"]["total"]) == ("headroom.result/v1", 2, 200)
    assert result["scenario_hash"] == RUN.scenario_hash


def test_the_order_of_events_changes_no_byte_of_the_result() -> None:
    forward = handle(
        Analysis(MemoryStore()), *(event(trial, segment) for trial in (0, 1) for segment in (0, 1))
    )
    backward = handle(
        Analysis(MemoryStore()), *(event(trial, segment) for trial in (1, 0) for segment in (1, 0))
    )
    assert json.dumps(result_of(forward)) == json.dumps(result_of(backward))


def test_copies_change_nothing_and_are_answered_alike() -> None:
    once = Analysis(MemoryStore())
    twice = Analysis(MemoryStore())
    events = [event(trial, segment) for trial in (0, 1) for segment in (0, 1)]
    expected = [handle(once, one) for one in events]
    for one, outputs in zip(events, expected, strict=True):
        assert handle(twice, one) == outputs
        again = handle(twice, one)
        assert [output.name for output in again] == [output.name for output in outputs]
        assert again == outputs
        ids = [
            [
                caused_event(one.envelope, output, source="/headroom/a/0", time=TIME).envelope.id
                for output in found
            ]
            for found in (again, outputs)
        ]
        assert ids[0] == ids[1]


def test_segments_may_be_cut_differently() -> None:
    # One event with all rows, or four with a quarter each: the same result.
    whole = [tables(trial, 200) for trial in (0, 1)]
    together = [completed(RUN, (trial, 0, 0), whole[trial]) for trial in (0, 1)]
    apart = []
    for trial in (0, 1):
        for quarter in range(4):
            requests = {
                name: np.ascontiguousarray(column[quarter::4])
                for name, column in whole[trial]["requests"].items()
            }
            piece = (whole[trial] if quarter == 0 else {}) | {"requests": requests}
            place = (trial, quarter // 2, quarter % 2)
            apart.append(completed(RUN, place, piece, parts=2, segments=2))
    one = result_of(handle(Analysis(MemoryStore()), *together))
    other = result_of(handle(Analysis(MemoryStore()), *apart))
    assert json.dumps(one) == json.dumps(other)


def test_events_from_the_wire_give_the_same_result() -> None:
    events = [event(trial, segment) for trial in (0, 1) for segment in (0, 1)]
    received = [decode(encode(one)) for one in events]
    analysis = Analysis(MemoryStore())
    outputs = []
    for one in received:
        assert isinstance(one.body, RequestsCompleted)
        outputs += analysis.requests_completed(Event(one.envelope, one.body))
    assert json.dumps(result_of(outputs)) == json.dumps(result_of(handle(Analysis(MemoryStore()), *events)))


def test_progress_is_told_within_long_trials() -> None:
    analysis = Analysis(MemoryStore())
    segments = 3 * PROGRESS_SEGMENTS - 2
    told = []
    for segment in range(segments - 1):
        first = handle(analysis, event(0, segment, 0, parts=2, segments=segments))
        last = handle(analysis, event(0, segment, 1, parts=2, segments=segments))
        assert first == []
        if last:
            (output,) = last
            assert isinstance(output.body, RunProgressed)
            told.append((segment, output.body.requests, output.body.simulated_ns))
    step = PROGRESS_SEGMENTS
    expected = [(many - 1, many * 100, many * 10 * SECOND // segments) for many in (step, 2 * step)]
    assert told == expected


def test_the_result_passes_its_contract() -> None:
    last = event(1, 1)
    outputs = handle(Analysis(MemoryStore()), event(0, 0), event(0, 1), event(1, 0), last)
    sent = caused_event(last.envelope, outputs[-1], source="/headroom/analysis/0", time=TIME)
    back = decode(encode(sent)).body
    assert isinstance(back, RunCompleted)
    assert back.result == result_of(outputs)


def test_a_cancelled_run_is_forgotten() -> None:
    analysis = Analysis(MemoryStore())
    handle(analysis, event(0, 0))
    (stopped,) = analysis.run_cancelled(CANCELLED)
    assert stopped.body == RunStopped(run_id=RUN.run_id, trials_done=0)
    for one in (event(0, 1), event(1, 0), event(1, 1)):
        # Whoever still works for the run is told again, with an id that follows from the part.
        (reminder,) = handle(analysis, one)
        assert reminder.body == RunCancelled(run_id=RUN.run_id)
        told = caused_event(one.envelope, reminder, source="/headroom/analysis/0", time=TIME)
        assert isinstance(told.body, RunCancelled)
        assert analysis.run_cancelled(Event(told.envelope, told.body)) == []


def test_a_cancelled_run_leaves_a_partial_result_and_says_so_again() -> None:
    analysis = Analysis(MemoryStore())
    handle(analysis, event(0, 0), event(0, 1), event(1, 0))
    (stopped,) = analysis.run_cancelled(CANCELLED)
    assert isinstance(stopped.body, RunStopped)
    assert stopped.body.trials_done == 1
    assert stopped.body.result is not None
    assert stopped.body.result["partial"] == {"trials_requested": 2}
    sent = caused_event(CANCELLED.envelope, stopped, source="/headroom/analysis/0", time=TIME)
    assert decode(encode(sent)).body == stopped.body
    assert analysis.run_cancelled(CANCELLED) == [stopped]


def test_a_finished_run_is_not_stopped() -> None:
    analysis = Analysis(MemoryStore())
    outputs = handle(analysis, event(0, 0), event(0, 1), event(1, 0), event(1, 1))
    assert analysis.run_cancelled(CANCELLED) == []
    assert handle(analysis, event(1, 1)) == outputs[-3:]


def test_a_deleted_run_is_forgotten() -> None:
    analysis = Analysis(MemoryStore())
    handle(analysis, event(0, 0), event(0, 1), event(1, 0), event(1, 1))
    deleted = root_event(RunDeleted(run_id=RUN.run_id), source="/headroom/gateway/0", time=TIME)
    assert analysis.run_deleted(deleted) == []
    assert "RunCompleted" not in kinds(handle(analysis, event(1, 1)))


def test_a_trial_beyond_the_run_is_refused() -> None:
    with pytest.raises(PermanentError, match="trial: expected less than 2, found 2") as caught:
        handle(Analysis(MemoryStore()), completed(RUN, (2, 0, 0), tables(0)))
    assert caught.value.next_step


def test_a_broken_table_is_refused_and_leaves_no_trace() -> None:
    analysis = Analysis(MemoryStore())
    broken = tables(0)
    broken["requests"]["latency"] = broken["requests"]["latency"] + 1
    with pytest.raises(PermanentError, match=r"/0/0/0: requests: expected causes that add up") as caught:
        handle(analysis, completed(RUN, (0, 0, 0), broken, segments=2))
    assert caught.value.next_step
    outputs = handle(analysis, event(0, 0), event(0, 1), event(1, 0), event(1, 1))
    assert result_of(outputs)["requests"]["total"] == 200


def test_an_event_without_requests_is_refused() -> None:
    with pytest.raises(PermanentError, match="requests: expected a table"):
        handle(Analysis(MemoryStore()), completed(RUN, (0, 0, 0), {}))
