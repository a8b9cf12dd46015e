"""What the gateway does with the news that come from the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import pytest
from gateway_testing.analysts import Analyst
from gateway_testing.experiments import accepted, runs_of
from gateway_testing.parts import parts_of
from gateway_testing.scenarios import result

from headroom_common.contracts.events import RunCompleted, RunFailed, RunProgressed, RunStopped
from headroom_common.errors import TransientError
from headroom_gateway.domain.lives import CancelAsked, Failed, RunState, Started
from headroom_gateway.handlers import Noting
from headroom_gateway.storage.schema import results, runs

if TYPE_CHECKING:
    from gateway_testing.storage import Storage

    from headroom_common.contracts.event import Event
    from headroom_common.contracts.events import ControlBody


class Arrived:
    """The part of an event that the handlers look at."""

    def __init__(self, body: ControlBody) -> None:
        self.body = body


async def hear(storage: Storage, *bodies: ControlBody) -> None:
    handlers = Noting(parts_of(storage)).handlers
    for body in bodies:
        handler = cast("Any", handlers[type(body)])
        assert not await handler(cast("Event[Any]", Arrived(body)))


def progressed(run_id: UUID, done: int) -> RunProgressed:
    return RunProgressed(
        run_id=run_id,
        trials_done=done,
        trials=3,
        requests=40 * done,
        simulated_ns=2 * 10**9 * done,
        trial=done,
    )


async def test_progress_is_noted_in_seconds_with_what_it_was_about(storage: Storage) -> None:
    run = await storage.running()
    await hear(storage, progressed(run.id, 2), progressed(run.id, 1), progressed(run.id, 2))
    found = await storage.runs.get(run.id)
    assert found.progress is not None
    assert (found.progress.trials_done, found.progress.requests, found.progress.simulated) == (2, 80, 4.0)
    assert found.sequence == 3
    await storage.tell(run.id, Failed("it broke", None))
    failure = (await storage.runs.get(run.id)).failure
    assert failure is not None
    assert failure.last_event == "run.progressed trial 2, 2 of 3 trials done"


async def test_a_result_that_comes_twice_is_kept_once(storage: Storage) -> None:
    run = await storage.running()
    completed = RunCompleted(run_id=run.id, result=result())
    await hear(storage, progressed(run.id, 2), completed, completed, progressed(run.id, 3))
    found = await storage.runs.get(run.id)
    assert (found.state, found.sequence) == (RunState.COMPLETED, 4)
    assert await storage.count(results) == 1


async def test_a_cancelled_run_keeps_what_there_was(storage: Storage) -> None:
    whole, empty = await storage.running(), await storage.running()
    for run in (whole, empty):
        await storage.tell(run.id, CancelAsked())
    partial = RunStopped(run_id=whole.id, trials_done=1, result=result(1, partial=True))
    await hear(storage, partial, partial, RunStopped(run_id=empty.id, trials_done=0))
    found = await storage.runs.get(whole.id)
    assert found.state is RunState.CANCELLED
    assert found.result is not None
    assert (found.result.partial, found.result.trials) == (True, 1)
    assert (await storage.runs.get(empty.id)).result is None


async def test_a_failure_is_noted_with_the_field(storage: Storage) -> None:
    run = await storage.running()
    failed = RunFailed(run_id=run.id, reason="too much memory", field="spec.servers[0].memory")
    await hear(storage, failed, failed, RunCompleted(run_id=run.id, result=result()))
    found = await storage.runs.get(run.id)
    assert (found.state, found.sequence) == (RunState.FAILED, 3)
    assert found.failure is not None
    assert (found.failure.reason, found.failure.field) == ("too much memory", "spec.servers[0].memory")


async def test_runs_of_others_leave_no_trace(storage: Storage) -> None:
    stranger = uuid4()
    await hear(
        storage,
        progressed(stranger, 1),
        RunCompleted(run_id=stranger, result=result()),
        RunStopped(run_id=stranger, trials_done=1, result=result(1, partial=True)),
        RunFailed(run_id=stranger, reason="it broke"),
    )
    assert await storage.count(runs) == await storage.count(results) == 0


async def test_a_database_in_trouble_has_the_event_come_again(sqlite: Storage) -> None:
    run = await sqlite.running()
    completed = RunCompleted(run_id=run.id, result=result())
    async with sqlite.without("run_events"):
        for body in (completed, progressed(run.id, 1)):
            with pytest.raises(TransientError):
                await hear(sqlite, body)
    assert await sqlite.count(results) == 0, "nothing is half written"
    await hear(sqlite, completed)
    assert (await sqlite.runs.get(run.id)).state is RunState.COMPLETED


async def test_the_end_of_an_experiments_run_wakes_the_experimenter(sqlite: Storage) -> None:
    parts = parts_of(sqlite, analyst=Analyst(["0/0"]))
    experiment = await accepted(parts)
    await parts.experimenter.take_step(experiment.id)
    (own,) = await runs_of(sqlite, experiment.id)
    alone = await sqlite.running()
    await sqlite.tell(own.id, Started())
    handler = cast("Any", Noting(parts).handlers[RunFailed])
    for run, wakes in ((alone, False), (own, True)):
        parts.experimenter._news.clear()
        await handler(Arrived(RunFailed(run_id=run.id, reason="it broke")))
        assert parts.experimenter._news.is_set() is wakes
