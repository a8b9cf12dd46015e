"""Every store alike: idempotent, complete exactly once, safe in threads, strict."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from analysis_testing.adding import PLAN, ROWS, Place, Run, document_of, figures, partial
from analysis_testing.worlds import SECOND
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.partials import Partial
from headroom_analysis.storage import open_store
from headroom_analysis.store import FinishedRun, MemoryStore, PartialStore, Standing, Stopped
from headroom_common.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[PartialStore]:
    """A store of each kind; its tests share it and take a run of their own."""
    if request.param == "memory":
        yield MemoryStore()
        return
    with open_store(new_database(request.param)) as kept:
        yield kept


def test_a_run_goes_from_its_first_part_to_its_last(store: PartialStore) -> None:
    run = Run()
    assert run.add(store, (0, 0, 0)) == Standing(0, 30, 5 * SECOND, completed_trial=False, finished=None)
    assert run.add(store, (1, 0, 0)) == Standing(0, 60, 10 * SECOND, completed_trial=False, finished=None)
    assert run.add(store, (1, 1, 0)) == Standing(1, 90, 15 * SECOND, completed_trial=True, finished=None)
    last = run.add(store, (0, 1, 0))
    assert (last.trials_done, last.requests, last.simulated_ns) == (2, 120, 20 * SECOND)
    assert last.completed_trial
    assert last.finished is not None
    assert [summary.trial for summary in last.finished.summaries] == [0, 1]
    assert last.finished.totals.requests == 120


def test_a_trial_needs_every_part_of_every_segment(store: PartialStore) -> None:
    run = Run()
    assert not run.add(store, (0, 1, 0)).completed_trial  # the final segment comes first
    assert not run.add(store, (0, 0, 1), parts=3).completed_trial
    assert not run.add(store, (0, 0, 0), parts=3).completed_trial
    assert run.add(store, (0, 0, 2), parts=3).completed_trial


def test_a_part_that_comes_twice_is_counted_once(store: PartialStore) -> None:
    run = Run()
    run.add(store, (0, 0, 0))
    again = run.add(store, (0, 0, 0))
    assert again == Standing(0, 30, 5 * SECOND, completed_trial=False, finished=None)


def test_the_completing_part_completes_again_and_no_other_does(store: PartialStore) -> None:
    run = Run()
    for place in ((0, 0, 0), (0, 1, 0), (1, 0, 0)):
        run.add(store, place)
    first = run.add(store, (1, 1, 0))
    assert first.finished is not None
    again = run.add(store, (1, 1, 0))
    assert again.completed_trial
    assert again.finished is not None
    assert figures(again.finished) == figures(first.finished)
    assert document_of(again.finished, run) == document_of(first.finished, run)
    assert again.requests == first.requests == 120
    assert run.add(store, (0, 1, 0)).completed_trial
    assert run.add(store, (0, 1, 0)).finished is None  # it completed its trial, but not the run
    assert not run.add(store, (0, 0, 0)).completed_trial


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_order_with_any_copies_gives_the_same_run(store: PartialStore, data: st.DataObject) -> None:
    places = [(trial, segment, part) for trial in range(2) for segment in range(2) for part in range(2)]
    copies = data.draw(st.lists(st.sampled_from(places), max_size=8))
    order = data.draw(st.permutations(places + copies))
    run, memory = Run(), MemoryStore()
    finished: list[FinishedRun] = []
    done: list[int] = []
    seen: set[Place] = set()
    for place in order:
        seed = place[0] * 4 + place[1] * 2 + place[2]
        standing = run.add(store, place, seed, parts=2)
        expected = run.add(memory, place, seed, parts=2)
        assert told(standing, run) == told(expected, run)
        if place not in seen and standing.completed_trial:
            done.append(place[0])
        if place not in seen and standing.finished is not None:
            finished.append(standing.finished)
        seen.add(place)
    assert sorted(done) == [0, 1]
    (whole_run,) = finished
    whole = [Partial.empty(PLAN.layout), Partial.empty(PLAN.layout)]
    for seed in range(8):
        whole[seed // 4].absorb(partial(seed))
    assert [summary.requests for summary in whole_run.summaries] == [120, 120]
    assert whole_run.totals.histogram.totals() == [
        sum(sum(one.histogram.totals()[: PLAN.layout.groups]) for one in whole)
    ]


def told(standing: Standing, run: Run) -> tuple[object, ...]:
    """Everything that a standing says, comparable."""
    finished = standing.finished
    numbers = (standing.trials_done, standing.requests, standing.simulated_ns, standing.completed_trial)
    return numbers if finished is None else (*numbers, figures(finished), document_of(finished, run))


def test_threads_complete_each_trial_once(store: PartialStore) -> None:
    trials, segments, workers = 4, 16, 4
    run = Run(trials)
    places = [(trial, segment, 0) for segment in range(segments) for trial in range(trials)]
    start = Barrier(workers)

    def work(worker: int) -> list[Standing]:
        start.wait()
        return [run.add(store, place, 1, segments=segments) for place in places[worker::workers]]

    with ThreadPoolExecutor(workers) as pool:
        standings = [standing for found in pool.map(work, range(workers)) for standing in found]
    assert sum(standing.completed_trial for standing in standings) == trials
    (finished,) = [standing.finished for standing in standings if standing.finished is not None]
    assert finished.totals.requests == trials * segments * ROWS
    assert len({summary.row.tobytes() for summary in finished.summaries}) == 1


def test_a_discarded_run_is_not_revived(store: PartialStore) -> None:
    run = Run()
    run.add(store, (0, 0, 0))
    store.discard(run.parameters.run_id)
    store.discard(run.parameters.run_id)
    assert run.try_to_add(store, (0, 1, 0)) is None
    assert run.try_to_add(store, (0, 0, 0)) is None


def test_a_run_may_be_discarded_before_it_begins_and_after_it_ended(store: PartialStore) -> None:
    early, late = Run(1), Run(1)
    store.discard(early.parameters.run_id)
    assert early.try_to_add(store, (0, 0, 0), segments=1) is None
    assert late.add(store, (0, 0, 0), segments=1).finished is not None
    store.discard(late.parameters.run_id)
    assert late.try_to_add(store, (0, 0, 0), segments=1) is None


def test_a_stopped_run_leaves_its_complete_trials(store: PartialStore) -> None:
    run, short = Run(3), Run(1)
    for place in ((2, 0, 0), (2, 1, 0), (0, 0, 0)):
        run.add(store, place, 1)
    stopped = store.stop(run.parameters.run_id)
    assert stopped is not None
    assert stopped.trials_done == 1
    assert stopped.result is not None
    assert list(stopped.result)[6:9] == ["trials", "partial", "confidence"]
    assert (stopped.result["trials"], stopped.result["partial"]) == (1, {"trials_requested": 3})
    for place in ((0, 0, 0), (0, 1, 0)):
        whole = short.add(store, place, 1).finished
    assert whole is not None
    same = stopped.result.keys() - {"partial", "checks"}
    complete = document_of(whole, short)
    assert {key: stopped.result[key] for key in same} == {key: complete[key] for key in same}


def test_stopping_again_says_the_same_bytes_again(store: PartialStore) -> None:
    run = Run()
    for place in ((0, 0, 0), (0, 1, 0), (1, 0, 0)):
        run.add(store, place)
    first = store.stop(run.parameters.run_id)
    assert run.try_to_add(store, (1, 1, 0)) is None
    again = store.stop(run.parameters.run_id)
    assert first is not None
    assert json.dumps(first.result) == json.dumps(again and again.result)
    assert first == again
    store.discard(run.parameters.run_id)
    assert store.stop(run.parameters.run_id) == Stopped()


def test_a_run_without_a_complete_trial_leaves_nothing(store: PartialStore) -> None:
    begun, unknown = Run(), Run()
    begun.add(store, (0, 0, 0))
    for run in (begun, unknown):
        for _ in range(2):
            assert store.stop(run.parameters.run_id) == Stopped()
        assert run.try_to_add(store, (0, 0, 0)) is None
        assert run.try_to_add(store, (0, 1, 0)) is None


def test_a_finished_run_is_not_stopped(store: PartialStore) -> None:
    run = Run(1)
    finished = run.add(store, (0, 0, 0), segments=1).finished
    assert finished is not None
    assert store.stop(run.parameters.run_id) is None
    again = run.add(store, (0, 0, 0), segments=1).finished
    assert again is not None
    assert document_of(again, run) == document_of(finished, run)


def test_a_run_is_either_finished_or_stopped(store: PartialStore) -> None:
    for trials in range(1, 5):
        run = Run(trials)
        start = Barrier(trials + 1)

        def add(trial: int, run: Run = run, start: Barrier = start) -> Standing | None:
            start.wait()
            return run.try_to_add(store, (trial, 0, 0), 1, segments=1)

        with ThreadPoolExecutor(trials + 1) as pool:
            adding = [pool.submit(add, trial) for trial in range(trials)]
            start.wait()
            stopped = store.stop(run.parameters.run_id)
            standings = [one.result() for one in adding]
        finished = [one for one in standings if one is not None and one.finished is not None]
        assert len(finished) == (stopped is None)
        if stopped is not None:
            assert stopped.trials_done <= sum(one is not None for one in standings) < trials + 1
            assert (stopped.result or {"trials": 0})["trials"] == stopped.trials_done
            assert store.stop(run.parameters.run_id) == stopped


def test_runs_do_not_mix(store: PartialStore) -> None:
    one, other = Run(), Run()
    one.add(store, (0, 0, 0))
    standing = other.add(store, (0, 1, 0))
    assert (standing.requests, standing.completed_trial) == (30, False)


@pytest.mark.parametrize(
    ("before", "then", "message"),
    [
        ([((0, 0, 0), 2, 3)], ((0, 0, 1), 3, 3), "parts: expected 2 as before, found 3"),
        ([((0, 2, 0), 1, 3)], ((0, 3, 0), 1, 5), "final: expected the last segment to be final"),
        ([((0, 2, 0), 1, 5)], ((0, 1, 0), 1, 2), "found segments up to 2"),
        ([((0, 2, 0), 1, 3)], ((0, 1, 0), 1, 2), "final"),
        ([((0, 1, 0), 2, 3)], ((0, 1, 1), 2, 2), "final"),
        ([((0, 2, 0), 2, 3)], ((0, 2, 1), 2, 5), "final"),
    ],
)
def test_contradictions_are_refused(
    store: PartialStore,
    before: list[tuple[Place, int, int]],
    then: tuple[Place, int, int],
    message: str,
) -> None:
    run = Run()
    for place, parts, segments in before:
        run.add(store, place, parts=parts, segments=segments)
    with pytest.raises(PermanentError, match=message) as caught:
        run.add(store, then[0], parts=then[1], segments=then[2])
    assert caught.value.next_step


def test_a_refused_part_changes_nothing(store: PartialStore) -> None:
    run = Run(1)
    run.add(store, (0, 0, 0), parts=2)
    with pytest.raises(PermanentError):
        run.add(store, (0, 0, 1), parts=3)
    assert run.add(store, (0, 0, 1), parts=2).requests == 2 * ROWS
    assert run.add(store, (0, 1, 0)).finished is not None
