from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pytest
from generator_testing.worlds import arrivals, document, even, poisson, workload

from headroom_common.contracts.event import Event, caused_event, root_event
from headroom_common.contracts.events import (
    ArrivalsGenerated,
    RunParameters,
    RunRequested,
    SegmentSimulated,
    TrialAnalysed,
)
from headroom_common.errors import PermanentError
from headroom_common.simcore.tables import NEVER
from headroom_generator.handlers import HANDLERS, run_requested, segment_simulated, trial_analysed

if TYPE_CHECKING:
    from headroom_common.contracts.event import Outgoing

TIME = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = iter(range(10**31, 10**31 + 1_000_000))
WORKLOADS = (workload(poisson("40/s")), workload(even("10/s"), "even"))


def parameters(scenario: dict[str, Any] | None = None, **more: Any) -> RunParameters:
    defaults = {"seed": 7, "trials": 5, "segment_arrivals": 50, "window": 2}
    return RunParameters(
        run_id=UUID(int=next(NAMES)),
        scenario=document(*WORKLOADS) if scenario is None else scenario,
        scenario_hash="of a test",
        **(defaults | more),
    )


def bodies(outputs: list[Outgoing]) -> list[ArrivalsGenerated]:
    assert all(isinstance(output.body, ArrivalsGenerated) for output in outputs)
    return [output.body for output in outputs]  # type: ignore[misc]


def requested(run: RunParameters) -> Event[RunRequested]:
    return root_event(RunRequested(run=run), source="/tests", time=TIME)


def simulated(body: ArrivalsGenerated) -> Event[SegmentSimulated]:
    """What comes back when a segment has been simulated: the states of all stages."""
    tables = {name: table for name, table in body.tables.items() if name.startswith("generator.")}
    others = {"server.slots": {"c0": np.arange(3)}, "router.routers": {"c0": np.arange(2)}}
    return root_event(SegmentSimulated(body.header, tables | others), source="/tests", time=TIME)


def test_it_subscribes_to_what_starts_and_continues_trials() -> None:
    assert set(HANDLERS) == {RunRequested, TrialAnalysed, SegmentSimulated}


@pytest.mark.parametrize(("trials", "window", "started"), [(5, 2, 2), (1, 2, 1), (3, 8, 3), (9, 1, 1)])
def test_a_run_starts_as_many_trials_as_its_window_allows(trials: int, window: int, started: int) -> None:
    run = parameters(trials=trials, window=window)
    found = bodies(list(run_requested(requested(run))))
    assert [(body.header.trial, body.header.segment) for body in found] == [(k, 0) for k in range(started)]
    assert all(body.header.run == run for body in found)


@pytest.mark.parametrize(("trial", "following"), [(0, [2]), (1, [3]), (2, [4]), (3, []), (4, [])])
def test_a_trial_that_is_done_makes_room_for_one(trial: int, following: list[int]) -> None:
    run = parameters()
    event = root_event(TrialAnalysed(run=run, trial=trial), source="/tests", time=TIME)
    found = bodies(list(trial_analysed(event)))
    assert [(body.header.trial, body.header.segment) for body in found] == [(k, 0) for k in following]


def test_every_trial_is_started_once() -> None:
    run = parameters(trials=7, window=3)
    started = [body.header.trial for body in bodies(list(run_requested(requested(run))))]
    for trial in range(7):
        event = root_event(TrialAnalysed(run=run, trial=trial), source="/tests", time=TIME)
        started += [body.header.trial for body in bodies(list(trial_analysed(event)))]
    assert started == list(range(7))


def trial(run: RunParameters) -> list[ArrivalsGenerated]:
    """All segments of trial 0."""
    found = bodies(list(run_requested(requested(run))))[:1]
    while following := bodies(list(segment_simulated(simulated(found[-1])))):
        found += following
    return found


def test_segments_follow_each_other_to_the_final_one() -> None:
    found = trial(parameters())
    assert [body.header.segment for body in found] == list(range(len(found)))
    assert [body.header.final for body in found] == [False] * (len(found) - 1) + [True]
    assert all(len(body.tables["arrivals"]["id"]) == 50 for body in found[:-1])
    assert found[-1].header.watermark_ns == NEVER
    marks = [body.header.watermark_ns for body in found]
    assert marks == sorted(marks)
    for body in found:
        assert (body.tables["arrivals"]["t0"] <= body.header.watermark_ns).all()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_size_of_segments_changes_no_arrival(size: int) -> None:
    found = trial(parameters(segment_arrivals=size))
    whole = arrivals(*WORKLOADS, seed=7)
    for name, column in whole.items():
        parts = [body.tables["arrivals"][name] for body in found]
        assert np.concatenate(parts).tolist() == column.tolist()


def test_the_states_of_the_other_stages_are_passed_on() -> None:
    run = parameters()
    first = bodies(list(run_requested(requested(run))))[0]
    assert set(first.tables) == {"arrivals", "generator.streams"}
    (second,) = bodies(list(segment_simulated(simulated(first))))
    assert set(second.tables) == {"arrivals", "generator.streams", "server.slots", "router.routers"}
    assert second.tables["server.slots"]["c0"].tolist() == [0, 1, 2]


def test_handling_an_event_again_gives_the_same_outputs() -> None:
    run = parameters()
    event = requested(run)
    first, again = list(run_requested(event)), list(run_requested(event))
    for left, right in zip(first, again, strict=True):
        one = caused_event(event.envelope, left, source="/generator", time=TIME)
        two = caused_event(event.envelope, right, source="/generator", time=TIME)
        assert one.envelope.id == two.envelope.id
        assert isinstance(left.body, ArrivalsGenerated)
        assert isinstance(right.body, ArrivalsGenerated)
        for name, table in left.body.tables.items():
            for column, values in table.items():
                assert np.array_equal(values, right.body.tables[name][column])
    ids = {caused_event(event.envelope, each, source="/generator", time=TIME).envelope.id for each in first}
    assert len(ids) == len(first)


def test_trials_differ_and_take_any_seed() -> None:
    for seed in (0, 2**63, 2**64 - 1):
        one, two = bodies(list(run_requested(requested(parameters(seed=seed)))))
        assert one.tables["arrivals"]["t0"].tolist() != two.tables["arrivals"]["t0"].tolist()


def test_the_input_is_left_alone() -> None:
    first = bodies(list(run_requested(requested(parameters()))))[0]
    event = simulated(first)
    before = {name: column.copy() for name, column in event.body.tables["generator.streams"].items()}
    segment_simulated(event)
    for name, column in before.items():
        assert np.array_equal(event.body.tables["generator.streams"][name], column)


def test_an_empty_trial_is_one_final_segment() -> None:
    empty = document(workload({"kind": "trace", "times": ["1h"]}))
    found = trial(parameters(empty))
    assert len(found) == 1
    assert found[0].header.final
    assert len(found[0].tables["arrivals"]["id"]) == 0


def test_an_invalid_scenario_is_refused_for_good() -> None:
    with pytest.raises(PermanentError, match="scenario"):
        run_requested(requested(parameters({"kind": "Scenario"})))
