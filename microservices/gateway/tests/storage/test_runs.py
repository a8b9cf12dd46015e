"""Stored runs: what news make of them, how they are listed, and what remains of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from gateway_testing.clocks import NOON
from gateway_testing.scenarios import result, stored
from gateway_testing.storage import CALLER, Storage, row_of

from headroom_gateway.domain.cursors import Place
from headroom_gateway.domain.lives import (
    CancelAsked,
    Completed,
    Failed,
    Message,
    Progressed,
    RunState,
    Stopped,
)
from headroom_gateway.errors import ConflictError, NoResultError, NotFoundError
from headroom_gateway.representations import RunEvent
from headroom_gateway.storage.runs import Filters
from headroom_gateway.storage.schema import idempotency, results, run_events
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from headroom_gateway.representations import Run

FIRST = Progressed(1, 40, 2.0, "trial 0")
SECOND = Progressed(2, 80, 4.0, "trial 1")


async def told(storage: Storage, run_id: UUID) -> list[tuple[int, str, RunState]]:
    """Number, kind and state of a run's news."""
    found = []
    for one in await storage.runs.news(run_id, 0):
        event = RunEvent.model_validate_json(one.data)
        assert (event.run_id, event.sequence) == (run_id, one.sequence)
        found.append((one.sequence, one.kind, event.state))
    return found


async def test_a_new_run_waits_and_has_one_news(storage: Storage) -> None:
    run = await storage.accept()
    assert run == await storage.runs.get(run.id)
    assert (run.state, run.sequence, run.created_at) == (RunState.QUEUED, 1, NOON)
    assert (run.started_at, run.ended_at, run.progress, run.failure, run.result) == (None,) * 5
    assert await told(storage, run.id) == [(1, "state", RunState.QUEUED)]
    assert await storage.waiting() == []


async def test_a_run_from_its_start_to_its_result(storage: Storage) -> None:
    run = await storage.running()
    assert run.started_at == NOON
    assert await storage.waiting() == [(run.id, Message.REQUESTED)]
    storage.clock.turn(seconds=1)
    await storage.tell(run.id, FIRST, SECOND)
    kept = await storage.keep(result(), run)
    ended = storage.clock.turn(seconds=1)
    done = await storage.tell(run.id, Completed(kept.hash))
    assert done is not None
    assert done == await storage.runs.get(run.id)
    assert (done.state, done.sequence, done.ended_at) == (RunState.COMPLETED, 5, ended)
    assert done.progress is not None
    assert done.progress.model_dump() == {
        "trials_done": 2,
        "trials": 3,
        "requests": 80,
        "simulated": 4.0,
        "total": 6.0,
    }
    assert done.result is not None
    assert done.result.model_dump() == {
        "hash": kept.hash,
        "size": kept.row["size"],
        "verdict": "pass",
        "trials": 3,
        "partial": False,
        "cached": False,
    }
    assert await told(storage, run.id) == [
        (1, "state", RunState.QUEUED),
        (2, "state", RunState.RUNNING),
        (4, "progress", RunState.RUNNING),
        (5, "state", RunState.COMPLETED),
    ], "of the progress only the latest is kept"


async def test_what_is_told_is_short_and_says_when(storage: Storage) -> None:
    run = await storage.running()
    moment = storage.clock.turn(seconds=90)
    await storage.tell(run.id, FIRST)
    (news,) = await storage.runs.news(run.id, 2)
    found = json.loads(news.data)
    assert found == {
        "run_id": str(run.id),
        "sequence": 3,
        "at": moment.isoformat().replace("+00:00", "Z"),
        "state": "running",
        "progress": {"trials_done": 1, "trials": 3, "requests": 40, "simulated": 2.0, "total": 6.0},
    }


async def test_news_that_change_nothing_leave_no_trace(storage: Storage) -> None:
    run = await storage.running()
    await storage.tell(run.id, SECOND)
    before = await storage.runs.get(run.id)
    storage.clock.turn(hours=1)
    assert await storage.tell(run.id, FIRST) is None
    assert await storage.tell(uuid4(), FIRST) is None
    assert await storage.runs.get(run.id) == before
    assert await storage.count(run_events) == 3


async def test_a_failure_is_told_with_what_was_heard_last(storage: Storage) -> None:
    run = await storage.running()
    failed = await storage.tell(run.id, FIRST, Failed("it broke", "spec.servers[0]"))
    assert failed is not None
    assert failed.failure is not None
    assert failed.failure.model_dump() == {
        "reason": "it broke",
        "field": "spec.servers[0]",
        "last_event": "run.progressed trial 0",
    }
    assert await storage.waiting() == [(run.id, Message.CANCELLED), (run.id, Message.REQUESTED)]


async def test_a_partial_result_that_comes_late_is_shown(storage: Storage) -> None:
    run = await storage.running()
    await storage.tell(run.id, FIRST)
    await storage.tell(run.id, Failed("it broke", None))
    ended = storage.clock.now()
    kept = await storage.keep(result(1, partial=True), run)
    storage.clock.turn(seconds=5)
    late = await storage.tell(run.id, Stopped(1, kept.hash))
    assert late is not None
    assert late.result is not None
    assert (late.state, late.ended_at, late.result.partial) == (RunState.FAILED, ended, True)
    assert late.sequence == 5


async def test_a_run_answered_from_a_stored_result_is_complete_at_once(storage: Storage) -> None:
    first = await storage.running()
    kept = await storage.keep(result(), first)
    await storage.tell(first.id, Completed(kept.hash))
    async with storage.database.transaction() as connection:
        row = row_of(stored(), storage.clock.now())
        run = await storage.runs.put(connection, row, kept.row)
    assert run == await storage.runs.get(run.id)
    assert (run.state, run.ended_at, run.started_at) == (RunState.COMPLETED, NOON, None)
    assert run.result is not None
    assert (run.result.cached, run.result.hash) == (True, kept.hash)
    assert await told(storage, run.id) == [(1, "state", RunState.COMPLETED)]
    assert await storage.runs.simulated(run.id) == first.id
    assert await storage.runs.simulated(first.id) == first.id
    await storage.runs.delete(first.id, NOON)
    with pytest.raises(NoResultError, match="its trials, found that they were removed with an equal run"):
        await storage.runs.simulated(run.id)


@pytest.mark.parametrize("partial", [False, True])
async def test_only_whole_results_can_be_compared(storage: Storage, *, partial: bool) -> None:
    run = await storage.running()
    if partial:
        kept = await storage.keep(result(1, partial=True), run)
        await storage.tell(run.id, CancelAsked(), Stopped(1, kept.hash))
    with pytest.raises(NoResultError, match="expected a completed one, found it"):
        await storage.runs.simulated(run.id)


async def test_a_run_is_deleted_once_it_has_ended(storage: Storage) -> None:
    run = await storage.running()
    with pytest.raises(ConflictError, match="expected one that has ended, found it running") as caught:
        await storage.runs.delete(run.id, NOON)
    assert caught.value.next_step
    async with storage.database.transaction() as connection:
        row = {"principal": CALLER, "key": "k", "fingerprint": "f", "run_id": run.id, "created_at_us": 0}
        await connection.execute(idempotency.insert(), row)
    await storage.tell(run.id, Failed("it broke", None))
    await storage.runs.delete(run.id, storage.clock.turn(seconds=1))
    for call in (storage.runs.get(run.id), storage.runs.delete(run.id, NOON), storage.runs.simulated(run.id)):
        with pytest.raises(NotFoundError, match=f"expected the id of a run, found {run.id}"):
            await call
    assert await storage.count(run_events) == 0
    assert await storage.count(idempotency) == 0
    assert (await storage.waiting())[-1] == (run.id, Message.DELETED)
    assert await storage.runs.sequences([run.id]) == {}


async def test_a_result_goes_with_the_last_run_that_has_it(storage: Storage) -> None:
    first, second = await storage.running(), await storage.running()
    other = await storage.running()
    kept, apart = await storage.keep(result(), first), await storage.keep(result(seed=2), other)
    for run, name in ((first, kept.hash), (second, kept.hash), (other, apart.hash)):
        await storage.tell(run.id, Completed(name))
    await storage.runs.delete(first.id, NOON)
    assert await storage.count(results) == 2
    await storage.runs.delete(second.id, NOON)
    assert await storage.count(results) == 1
    await storage.results.document(apart.hash)


async def test_the_active_runs_of_a_caller_are_counted(storage: Storage) -> None:
    await storage.accept(created_by="another")
    waiting, running = await storage.accept(), await storage.running()
    ended = await storage.running()
    await storage.tell(ended.id, Failed("it broke", None))
    await storage.tell(running.id, CancelAsked())
    async with storage.database.transaction() as connection:
        assert await storage.runs.count_active(connection, CALLER) == 2
        assert await storage.runs.count_active(connection, "nobody") == 0
    assert await storage.runs.sequences([waiting.id, running.id, uuid4()]) == {waiting.id: 1, running.id: 3}


async def paged(storage: Storage, filters: Filters, limit: int) -> list[UUID]:
    seen: list[UUID] = []
    after: Place | None = None
    while page := await storage.runs.page(filters, after, limit):
        assert len(page) <= limit
        seen += [run.id for run in page]
        after = Place(to_us(page[-1].created_at), str(page[-1].id))
    return seen


async def test_pages_come_newest_first_and_cover_equal_moments_once(storage: Storage) -> None:
    offsets = (0, 1, 1, 1, 1, 2)
    runs = [await storage.accept(at=NOON + timedelta(seconds=offset)) for offset in offsets]
    newest_first = [run.id for run in sorted(runs, key=lambda run: (run.created_at, run.id), reverse=True)]
    for limit in (1, 2, 3, 6, 7):
        assert await paged(storage, Filters(), limit) == newest_first


async def test_runs_that_come_between_two_pages_change_no_page(storage: Storage) -> None:
    old = [await storage.accept(at=NOON + timedelta(seconds=second)) for second in range(3)]
    first = await storage.runs.page(Filters(), None, 2)
    await storage.accept(at=NOON + timedelta(seconds=9))
    second = await storage.runs.page(Filters(), Place(to_us(first[-1].created_at), str(first[-1].id)), 2)
    assert [run.id for run in (*first, *second)] == [run.id for run in old[::-1]]


async def test_filters_go_together(storage: Storage) -> None:
    async def at(second: int, name: str, by: str) -> Run:
        return await storage.accept(stored(name), at=NOON + timedelta(seconds=second), created_by=by)

    one, two, three = await at(1, "a", "me"), await at(2, "b", "me"), await at(3, "a", "you")
    await storage.tell(two.id, CancelAsked())

    async def found(**filters: Any) -> list[UUID]:
        return [run.id for run in await storage.runs.page(Filters(**filters), None, 9)]

    assert await found(state=RunState.QUEUED) == [three.id, one.id]
    assert await found(state=RunState.CANCELLED) == [two.id]
    assert await found(scenario_id=stored("a").id) == [three.id, one.id]
    assert await found(created_by="me") == [two.id, one.id]
    assert await found(created_after=NOON + timedelta(seconds=1)) == [three.id, two.id]
    assert await found(created_before=NOON + timedelta(seconds=3)) == [two.id, one.id]
    assert await found(created_by="me", state=RunState.QUEUED, scenario_id=stored("a").id) == [one.id]
    assert await found(created_by="' OR 1=1 --") == []
