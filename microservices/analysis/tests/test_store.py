"""The store in memory: idempotent, complete exactly once, safe in threads, bounded, strict."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier
from typing import TYPE_CHECKING

import numpy as np
import pytest
from analysis_testing.runs import completed, run_parameters
from analysis_testing.worlds import SECOND, all_tables
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.partials import Partial
from headroom_analysis.plans import plan_of
from headroom_analysis.store import FinishedRun, MemoryStore, Standing
from headroom_common.errors import PermanentError

if TYPE_CHECKING:
    from headroom_common.contracts.events import CompletedHeader, RunParameters

RUN = run_parameters(trials=2)
PLAN = plan_of(RUN)
Place = tuple[int, int, int]


def header(place: Place, run: RunParameters = RUN, *, parts: int = 1, segments: int = 2) -> CompletedHeader:
    tables = {"requests": all_tables(np.random.default_rng(0), PLAN.layout, 0)["requests"]}
    return completed(run, place, tables, parts=parts, segments=segments).body.header


@cache
def partial(seed: int) -> Partial:
    """Statistics of some part of the run, shared by the tests: stores leave what they absorb alone."""
    return fold(all_tables(np.random.default_rng(seed), PLAN.layout, 30), PLAN.layout)


def add(store: MemoryStore, place: Place, seed: int = 0, **sizes: int) -> Standing:
    standing = store.add(header(place, **sizes), PLAN, partial(seed))
    assert standing is not None
    return standing


def test_a_run_goes_from_its_first_part_to_its_last() -> None:
    store = MemoryStore()
    assert add(store, (0, 0, 0)) == Standing(0, 30, 5 * SECOND, completed_trial=False, finished=None)
    assert add(store, (1, 0, 0)) == Standing(0, 60, 10 * SECOND, completed_trial=False, finished=None)
    assert add(store, (1, 1, 0)) == Standing(1, 90, 15 * SECOND, completed_trial=True, finished=None)
    last = add(store, (0, 1, 0))
    assert (last.trials_done, last.requests, last.simulated_ns) == (2, 120, 20 * SECOND)
    assert last.completed_trial
    assert last.finished is not None
    assert [summary.trial for summary in last.finished.summaries] == [0, 1]
    assert last.finished.totals.requests == 120


def test_a_trial_needs_every_part_of_every_segment() -> None:
    store = MemoryStore()
    assert not add(store, (0, 1, 0)).completed_trial  # the final segment comes first
    assert not add(store, (0, 0, 1), parts=3).completed_trial
    assert not add(store, (0, 0, 0), parts=3).completed_trial
    assert add(store, (0, 0, 2), parts=3).completed_trial


def test_a_part_that_comes_twice_is_counted_once() -> None:
    store = MemoryStore()
    add(store, (0, 0, 0))
    again = add(store, (0, 0, 0))
    assert again == Standing(0, 30, 5 * SECOND, completed_trial=False, finished=None)


def test_the_completing_part_completes_again_and_no_other_does() -> None:
    store = MemoryStore()
    for place in ((0, 0, 0), (0, 1, 0), (1, 0, 0)):
        add(store, place)
    first = add(store, (1, 1, 0))
    assert first.finished is not None
    again = add(store, (1, 1, 0))
    assert again.completed_trial
    assert again.finished is not None
    assert again.finished.summaries == first.finished.summaries
    assert again.requests == first.requests == 120
    assert add(store, (0, 1, 0)).completed_trial
    assert add(store, (0, 1, 0)).finished is None  # it completed its trial, but not the run
    assert not add(store, (0, 0, 0)).completed_trial


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_order_with_any_copies_gives_the_same_run(data: st.DataObject) -> None:
    places = [(trial, segment, part) for trial in range(2) for segment in range(2) for part in range(2)]
    copies = data.draw(st.lists(st.sampled_from(places), max_size=8))
    order = data.draw(st.permutations(places + copies))
    store = MemoryStore()
    finished: list[FinishedRun] = []
    done: list[int] = []
    seen: set[Place] = set()
    for place in order:
        seed = place[0] * 4 + place[1] * 2 + place[2]
        standing = add(store, place, seed, parts=2)
        if place not in seen and standing.completed_trial:
            done.append(place[0])
        if place not in seen and standing.finished is not None:
            finished.append(standing.finished)
        seen.add(place)
    assert sorted(done) == [0, 1]
    (run,) = finished
    whole = [Partial.empty(PLAN.layout), Partial.empty(PLAN.layout)]
    for seed in range(8):
        whole[seed // 4].absorb(partial(seed))
    assert [summary.requests for summary in run.summaries] == [120, 120]
    assert run.totals.histogram.totals() == [
        sum(sum(one.histogram.totals()[: PLAN.layout.groups]) for one in whole)
    ]


def test_threads_complete_each_trial_once() -> None:
    trials, segments, workers = 4, 16, 4
    run = run_parameters(trials=trials)
    plan = plan_of(run)
    one = partial(1)
    places = [(trial, segment, 0) for segment in range(segments) for trial in range(trials)]
    store = MemoryStore()
    start = Barrier(workers)

    def work(worker: int) -> list[Standing]:
        start.wait()
        found = []
        for place in places[worker::workers]:
            standing = store.add(header(place, run, segments=segments), plan, one)
            assert standing is not None
            found.append(standing)
        return found

    with ThreadPoolExecutor(workers) as pool:
        standings = [standing for found in pool.map(work, range(workers)) for standing in found]
    assert sum(standing.completed_trial for standing in standings) == trials
    (finished,) = [standing.finished for standing in standings if standing.finished is not None]
    assert finished.totals.requests == trials * segments * 30
    assert len({summary.row.tobytes() for summary in finished.summaries}) == 1


def test_a_discarded_run_is_not_revived() -> None:
    store = MemoryStore()
    add(store, (0, 0, 0))
    store.discard(RUN.run_id)
    store.discard(RUN.run_id)
    assert store.add(header((0, 1, 0)), PLAN, partial(0)) is None


def test_runs_do_not_mix() -> None:
    store = MemoryStore()
    other = run_parameters(trials=2, name="other")
    add(store, (0, 0, 0))
    standing = store.add(header((0, 1, 0), other), plan_of(other), partial(0))
    assert standing is not None
    assert (standing.requests, standing.completed_trial) == (30, False)


def finish(store: MemoryStore, number: int) -> Standing | None:
    run = run_parameters(trials=1, name=str(number))
    return store.add(header((0, 0, 0), run, segments=1), plan_of(run), partial(0))


def test_old_finished_runs_are_forgotten_for_good() -> None:
    store = MemoryStore(keep_finished=2)
    for number in (1, 2, 3):
        standing = finish(store, number)
        assert standing is not None
        assert standing.finished is not None
    assert finish(store, 1) is None
    for number in (2, 3):
        standing = finish(store, number)
        assert standing is not None
        assert standing.finished is not None


def test_the_names_of_forgotten_runs_are_bounded() -> None:
    store = MemoryStore(keep_names=2)
    for number in (1, 2, 3):
        store.discard(run_parameters(trials=1, name=str(number)).run_id)
    assert finish(store, 3) is None
    assert finish(store, 1) is not None


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
    before: list[tuple[Place, int, int]], then: tuple[Place, int, int], message: str
) -> None:
    store = MemoryStore()
    for place, parts, segments in before:
        add(store, place, parts=parts, segments=segments)
    with pytest.raises(PermanentError, match=message) as caught:
        add(store, then[0], parts=then[1], segments=then[2])
    assert caught.value.next_step
