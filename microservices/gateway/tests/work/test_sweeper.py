"""What time alone brings about."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid5

import pytest
from gateway_testing.analysts import Analyst
from gateway_testing.experiments import accepted, runs_of, until_ended
from gateway_testing.parts import parts_of
from gateway_testing.scenarios import result, stored
from gateway_testing.storage import CALLER, Storage
from gateway_testing.waits import until

from headroom_gateway.domain.lives import (
    UNANSWERED,
    CancelAsked,
    Completed,
    Failed,
    Message,
    Progressed,
    RunState,
)
from headroom_gateway.storage.experiments import ExperimentFilters
from headroom_gateway.storage.idempotency import Request
from headroom_gateway.storage.schema import (
    experiment_events,
    experiments,
    idempotency,
    results,
    run_events,
    runs,
    scenarios,
)
from headroom_gateway.storage.times import to_us
from headroom_gateway.sweeper import Sweeper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_common.event_manager import EventManager

LIMIT = 900.0


def sweeper_of(storage: Storage, *, stall: float = LIMIT, days: int | None = 30) -> Sweeper:
    return Sweeper(parts_of(storage), stall_timeout=stall, retention_days=days)


async def test_a_run_without_news_fails_and_is_let_go(storage: Storage) -> None:
    sweeper = sweeper_of(storage)
    silent, told = await storage.running(), await storage.running()
    waiting = await storage.accept()
    storage.clock.turn(seconds=LIMIT - 1)
    await storage.tell(told.id, Progressed(1, 40, 2.0, "trial 0"))
    storage.clock.turn(seconds=1)
    await sweeper.fail_stalled()
    assert (await storage.runs.get(silent.id)).state is RunState.RUNNING, "not before the time"
    storage.clock.turn(seconds=1)
    await sweeper.fail_stalled()
    failed = await storage.runs.get(silent.id)
    assert (failed.state, failed.ended_at) == (RunState.FAILED, storage.clock.now())
    assert failed.failure is not None
    assert failed.failure.reason == ("no progress for 900 s; the last that was heard of it: run.requested")
    assert (silent.id, Message.CANCELLED) in await storage.waiting()
    assert (await storage.runs.get(told.id)).state is RunState.RUNNING
    storage.clock.turn(days=9)
    await sweeper.fail_stalled()
    assert (await storage.runs.get(told.id)).state is RunState.FAILED
    assert (await storage.runs.get(waiting.id)).state is RunState.QUEUED, "waiting is no fault of a run"


async def test_news_that_come_at_the_last_moment_count(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = await storage.running(), await storage.running()
    storage.clock.turn(seconds=LIMIT + 1)
    sweeper = sweeper_of(storage)
    transaction = storage.database.transaction

    @asynccontextmanager
    async def after_news() -> AsyncIterator[AsyncConnection]:
        monkeypatch.setattr(storage.database, "transaction", transaction)
        await storage.tell(run.id, Progressed(1, 40, 2.0, "trial 0"))
        async with transaction() as connection:
            yield connection

    monkeypatch.setattr(storage.database, "transaction", after_news)
    await sweeper.fail_stalled()
    states = [(await storage.runs.get(one.id)).state for one in (run, other)]
    assert states == [RunState.RUNNING, RunState.FAILED]


async def test_a_cancellation_that_nobody_answers_ends(storage: Storage) -> None:
    run = await storage.running()
    await storage.tell(run.id, CancelAsked())
    storage.clock.turn(seconds=LIMIT + 1)
    await sweeper_of(storage).fail_stalled()
    ended = await storage.runs.get(run.id)
    assert ended.state is RunState.CANCELLED
    assert ended.failure is not None
    assert ended.failure.reason == UNANSWERED
    before = await storage.waiting()
    await sweeper_of(storage).fail_stalled()
    assert await storage.waiting() == before


async def test_old_runs_are_removed_with_what_belongs_to_them(storage: Storage) -> None:
    sweeper = sweeper_of(storage)
    old, shared, active = await storage.running(), await storage.running(), await storage.running()
    own, common = await storage.keep(result(), old), await storage.keep(result(seed=2), old)
    await storage.tell(old.id, Completed(own.hash))
    await storage.tell(shared.id, Completed(common.hash))
    storage.clock.turn(days=30)
    young = await storage.running()
    await storage.tell(young.id, Completed(common.hash))
    storage.clock.turn(seconds=1)
    assert await sweeper.remove_old() == 2
    assert await sweeper.remove_old() == 0
    assert set(await storage.runs.sequences([old.id, shared.id, active.id, young.id])) == {
        active.id,
        young.id,
    }
    waiting = await storage.waiting()
    assert {run for run, message in waiting if message is Message.DELETED} == {old.id, shared.id}
    assert await storage.count(results) == 1, "a result stays while a run has it"
    await storage.results.document(common.hash)
    assert await storage.count(run_events) == 5
    await storage.scenarios.get(stored().id)


async def test_nothing_is_removed_without_a_policy(storage: Storage) -> None:
    run = await storage.running()
    await storage.tell(run.id, Failed("it broke", None))
    storage.clock.turn(days=9999)
    assert await sweeper_of(storage, days=None).remove_old() == 0
    assert await storage.count(runs) == 1


@pytest.mark.parametrize("days", [None, 30])
async def test_idempotency_keys_are_forgotten_after_a_day(storage: Storage, days: int | None) -> None:
    run = await storage.accept()

    async def remember(key: str) -> None:
        now = to_us(storage.clock.now())
        row = {"principal": CALLER, "key": key, "fingerprint": "f", "run_id": run.id, "created_at_us": now}
        async with storage.database.transaction() as connection:
            await connection.execute(idempotency.insert(), row)

    await remember("old")
    storage.clock.turn(days=1)
    await remember("young")
    await sweeper_of(storage, days=days).remove_old()
    assert await storage.count(idempotency) == 2
    storage.clock.turn(seconds=1)
    await sweeper_of(storage, days=days).remove_old()
    async with storage.database.transaction() as connection:
        assert await Request(CALLER, "old", "f", "run_id").repeated(connection) is None
        assert await Request(CALLER, "young", "f", "run_id").repeated(connection) == run.id


async def test_old_experiments_go_with_all_that_is_theirs(storage: Storage) -> None:
    parts = parts_of(storage, analyst=Analyst(["0/0", "1/0"]))
    old, young = await accepted(parts), await accepted(parts)
    await until_ended(storage, parts, old.id)
    sweeper = Sweeper(parts, stall_timeout=LIMIT, retention_days=30)
    storage.clock.turn(days=20)
    await until_ended(storage, parts, young.id)
    storage.clock.turn(days=10, seconds=1)
    assert await sweeper.remove_old() == 1
    assert await sweeper.remove_old() == 0
    assert [one.id for one in await storage.experiments.page(ExperimentFilters(), None, 10)] == [young.id]
    assert [run.experiment_id for run in await runs_of(storage, young.id)] == [young.id] * 2
    assert await storage.count(runs) == 2
    assert await storage.count(scenarios) == 3, "the points of the young one are those of the old one"
    deleted = [run_id for run_id, kind in await storage.waiting() if kind is Message.DELETED]
    assert sorted(deleted) == sorted(uuid5(old.id, name) for name in ("0/0", "1/0"))
    storage.clock.turn(days=20)
    assert await sweeper.remove_old() == 1
    for table in (experiments, experiment_events, runs, run_events, results):
        assert await storage.count(table) == 0
    assert await storage.count(scenarios) == 1


async def test_it_works_by_itself_and_waits_for_a_database_that_fails(
    sqlite: Storage, log_lines: list[Any]
) -> None:
    stalled, old = await sqlite.running(), await sqlite.running()
    await sqlite.tell(old.id, Failed("it broke", None))
    sqlite.clock.turn(days=31)
    sweeper = sweeper_of(sqlite, stall=0.04)
    task = asyncio.create_task(sweeper.run(cast("EventManager", None)))

    async def done() -> bool:
        return (await sqlite.runs.get(stalled.id)).state is RunState.FAILED and await sqlite.count(runs) == 1

    async with sqlite.without("runs"):
        await until(lambda: any("the sweeper waits" in line["event"] for line in log_lines))
    await until(done)
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
