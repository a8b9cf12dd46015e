"""The experimenter: steps are taken once, whoever dies, and runs that nobody wants any more are ended."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, cast
from uuid import uuid5

import pytest
from gateway_testing.analysts import Analyst, batch
from gateway_testing.experiments import accepted, complete, complete_all, runs_of, until_ended
from gateway_testing.parts import parts_of
from gateway_testing.posts import Post
from gateway_testing.scenarios import stored
from gateway_testing.storage import Storage
from gateway_testing.waits import until
from sqlalchemy import select

from headroom_common.contracts.events import RunRequested
from headroom_common.errors import TransientError
from headroom_common.result_format import published
from headroom_gateway import experimenter as module
from headroom_gateway.analysis_client import StepRefusedError
from headroom_gateway.domain.experiments import EndAsked
from headroom_gateway.domain.lives import Failed, Progressed, RunState, Started, Stopped
from headroom_gateway.storage.schema import experiments, scenarios
from headroom_gateway.submission import Quotas

if TYPE_CHECKING:
    from typing import Any

    from gateway_testing.clocks import HandClock

    from headroom_common.event_manager import EventManager
    from headroom_gateway.experiment_representations import Experiment
    from headroom_gateway.parts import Parts

LEASE, RETRY = module.LEASE.total_seconds(), module.RETRY.total_seconds()


async def step(parts: Parts) -> int:
    """Take the steps that are due; return how many."""
    cast("HandClock", parts.clock).turn(seconds=1)
    due = await parts.experimenter.due()
    for experiment_id in due:
        await parts.experimenter.take_step(experiment_id)
    return len(due)


async def states(storage: Storage, experiment: Experiment) -> list[str]:
    return [run.state.value for run in await runs_of(storage, experiment.id)]


async def test_every_round_waits_for_the_one_before(storage: Storage) -> None:
    analyst = Analyst(["0/0", "1/0"], ["1/3"])
    parts = parts_of(storage, analyst=analyst)
    experiment = await accepted(parts, seed=9)
    assert await step(parts) == 1
    first = await runs_of(storage, experiment.id)
    assert [run.batch for run in first] == ["0/0", "1/0"]
    assert [run.id for run in first] == [uuid5(experiment.id, name) for name in ("0/0", "1/0")]
    assert await step(parts) == 0, "its runs are under way"
    await complete(storage, first[0])
    assert await step(parts) == 0, "one of them still is"
    await complete(storage, first[1])
    assert await step(parts) == 1
    assert [run.batch for run in await runs_of(storage, experiment.id)] == ["0/0", "1/0", "1/3"]
    await complete_all(storage, experiment.id)
    assert await step(parts) == 1
    done = await storage.experiments.get(experiment.id)
    assert (done.state, done.progress.rounds, done.progress.points) == (RunState.COMPLETED, 2, 2)
    assert (done.progress.runs_done, done.progress.runs) == (3, 3)
    assert (done.progress.trials_done, done.progress.trials) == (9, 9)
    name, document = await storage.experiments.document(experiment.id)
    assert document == published({"format": "headroom.experiment/v1", "runs": 3})
    assert done.result is not None
    assert (done.result.hash, done.result.size) == (name, len(document))
    asked, runs = analyst.asked[-1]
    assert asked["seed"] == 9
    assert asked["scenario"]["metadata"]["name"] == "small"
    assert set(runs) == {"0/0", "1/0", "1/3"}


async def test_its_news_tell_its_way(storage: Storage) -> None:
    parts = parts_of(storage, analyst=Analyst(["0/0", "1/0"]))
    experiment = await accepted(parts)
    await step(parts)
    first, _ = await runs_of(storage, experiment.id)
    await storage.tell(first.id, Started(), Progressed(2, 80, 4.0, "trial 1"))
    for _ in range(2):
        await parts.experimenter.note_progress()
    shown = (await storage.experiments.get(experiment.id)).progress
    assert (shown.runs_done, shown.trials_done, shown.requests) == (0, 2, 80)
    await until_ended(storage, parts, experiment.id)
    news = [json.loads(one.data) for one in await storage.experiments.news(experiment.id, 0)]
    assert [one["state"] for one in news] == ["queued", "running", "running", "completed"]
    numbers = [one["sequence"] for one in news]
    assert numbers == sorted(set(numbers))
    assert news[-1]["result"]["hash"]
    assert (await storage.experiments.sequences([experiment.id])) == {experiment.id: numbers[-1]}


async def test_seeds_of_all_64_bits_reach_the_services(storage: Storage) -> None:
    seeds = [0, 2**63 - 1, 2**63, 2**64 - 1]
    wishes = [batch(f"0/{number}", seed=seed, scenario="one") for number, seed in enumerate(seeds)]
    parts = parts_of(storage, analyst=Analyst(wishes))
    experiment = await accepted(parts)
    await step(parts)
    assert [run.seed for run in await runs_of(storage, experiment.id)] == seeds
    await parts.relay._admit()
    post: Any = Post()
    await parts.relay._send(post)
    requested = [body.run for body in post.sent if isinstance(body, RunRequested)]
    assert sorted(run.seed for run in requested) == seeds
    assert len({run.scenario_hash for run in requested}) == 1


async def test_runs_of_experiments_are_let_in_after_all_others(storage: Storage) -> None:
    parts = parts_of(storage, analyst=Analyst(["0/0", "1/0"]), most_running=2)
    experiment = await accepted(parts)
    await step(parts)
    storage.clock.turn(seconds=1)
    alone = await storage.accept()
    assert await parts.relay._admit() == 2
    assert (await storage.runs.get(alone.id)).state is RunState.RUNNING
    assert await states(storage, experiment) == ["running", "queued"], (
        "in the order in which they were wanted"
    )


async def test_runs_of_experiments_leave_half_of_the_places(storage: Storage) -> None:
    parts = parts_of(storage, analyst=Analyst(["0/0", "1/0", "2/0"]), most_running=4)
    experiment = await accepted(parts)
    await step(parts)
    assert await parts.relay._admit() == 2
    assert await parts.relay._admit() == 0
    alone = await storage.accept()
    assert await parts.relay._admit() == 1
    assert (await storage.runs.get(alone.id)).state is RunState.RUNNING
    await complete(storage, (await runs_of(storage, experiment.id))[0])
    assert await parts.relay._admit() == 1
    assert await states(storage, experiment) == ["completed", "running", "running"]


async def test_two_instances_take_a_step_once(storage: Storage) -> None:
    analyst = Analyst(["0/0", "1/0"], ["0/3"])
    async with Storage(storage.url) as other:
        instances = [parts_of(storage, analyst=analyst), parts_of(other, analyst=analyst)]
        experiment = await accepted(instances[0])
        for names in (2, 3):
            await asyncio.gather(*(step(parts) for parts in instances))
            assert len(await runs_of(storage, experiment.id)) == names
            await complete_all(storage, experiment.id)
        await asyncio.gather(*(step(parts) for parts in instances))
        done = await storage.experiments.get(experiment.id)
        assert (done.state, done.progress.rounds, done.progress.runs) == (RunState.COMPLETED, 2, 3)


async def test_a_step_that_two_instances_take_in_spite_of_all_adds_its_runs_once(storage: Storage) -> None:
    analyst = Analyst(["0/0", "1/0"])
    parts = parts_of(storage, analyst=analyst)
    experiment = await accepted(parts)

    async def slow(asked: Any, runs: Any) -> Any:
        found = await Analyst.step(analyst, asked, runs)
        storage.clock.turn(seconds=LEASE + 1)
        async with Storage(storage.url) as other:
            assert await step(parts_of(other, analyst=Analyst(["0/0", "1/0"]))) == 0, "it is held on to"
            other.clock.turn(seconds=LEASE + 1)
            assert await step(parts_of(other, analyst=Analyst(["0/0", "1/0"]))) == 1
        return found

    analyst.step = slow  # type: ignore[method-assign] # an instance that was away for too long
    await step(parts)
    found = await storage.experiments.get(experiment.id)
    assert (found.progress.rounds, found.progress.runs, found.progress.trials) == (1, 2, 6)
    assert len(await runs_of(storage, experiment.id)) == 2


async def test_an_instance_that_died_is_stood_in_for(storage: Storage) -> None:
    parts = parts_of(storage, analyst=Analyst(["0/0"]))
    experiment = await accepted(parts)
    now = storage.clock.now()
    own_runs = parts.experimenter._own_runs
    assert await own_runs.lease(experiment.id, now, now + module.LEASE) is not None
    assert await step(parts) == 0
    storage.clock.turn(seconds=LEASE)
    assert await step(parts) == 1
    assert await states(storage, experiment) == ["queued"]


async def test_analysis_that_is_away_is_asked_again(storage: Storage) -> None:
    analyst = Analyst(["0/0"])
    parts = parts_of(storage, analyst=analyst)
    experiment = await accepted(parts)

    def away() -> None:
        message = "analysis: expected an answer, found none"
        raise TransientError(message)

    analyst.fails = away
    (due,) = await parts.experimenter.due()
    with pytest.raises(TransientError):
        await parts.experimenter.take_step(due)
    assert await step(parts) == 0, "not at once"
    analyst.fails = lambda: None
    storage.clock.turn(seconds=RETRY)
    assert (await until_ended(storage, parts, experiment.id)).state is RunState.COMPLETED


async def test_what_analysis_refuses_fails_the_experiment(storage: Storage) -> None:
    analyst = Analyst(["0/0"])
    parts = parts_of(storage, analyst=analyst)
    experiment = await accepted(parts)

    def refuse() -> None:
        message = "expected a warm-up below the horizon"
        raise StepRefusedError(message, "spec.warmup")

    analyst.fails = refuse
    await step(parts)
    failed = await storage.experiments.get(experiment.id)
    assert failed.state is RunState.FAILED
    assert failed.failure is not None
    assert (failed.failure.reason, failed.failure.field) == (
        "expected a warm-up below the horizon",
        "spec.warmup",
    )
    assert await step(parts) == 0


async def test_runs_that_are_wanted_again_fail_the_experiment(storage: Storage) -> None:
    analyst = Analyst(["0/0"])
    parts = parts_of(storage, analyst=analyst)
    experiment = await accepted(parts)
    await step(parts)
    await complete_all(storage, experiment.id)

    async def forgetful(asked: Any, _: Any) -> Any:
        return await Analyst.step(analyst, asked, {})

    analyst.step = forgetful  # type: ignore[method-assign] # of another version, perhaps
    await step(parts)
    failed = await storage.experiments.get(experiment.id)
    assert failed.failure is not None
    assert "expected runs that it does not have yet, found 0/0" in failed.failure.reason


async def test_a_run_that_fails_fails_the_experiment_and_ends_the_others(storage: Storage) -> None:
    parts = parts_of(storage, analyst=Analyst(["0/0", "1/0", "2/0"]))
    experiment = await accepted(parts)
    await step(parts)
    broken, running, _ = await runs_of(storage, experiment.id)
    await storage.tell(running.id, Started())
    await storage.tell(broken.id, Started(), Failed("it broke", "spec.servers[0]"))
    assert await step(parts) == 1, "though others are under way"
    failed = await storage.experiments.get(experiment.id)
    assert failed.failure is not None
    assert failed.failure.reason == f"run {broken.id}: it broke"
    assert failed.failure.field == "spec.servers[0]"
    assert await parts.experimenter.cancel_unwanted() == 2
    assert await parts.experimenter.cancel_unwanted() == 0
    assert await states(storage, experiment) == ["failed", "cancelling", "cancelled"]


async def test_a_cancelled_experiment_ends_with_its_last_run(storage: Storage) -> None:
    parts = parts_of(storage, analyst=Analyst(["0/0", "1/0"]))
    experiment = await accepted(parts)
    await step(parts)
    running, _ = await runs_of(storage, experiment.id)
    await storage.tell(running.id, Started())
    await storage.experiments.note(experiment.id, EndAsked(), storage.clock.now())
    assert await parts.experimenter.cancel_unwanted() == 2
    assert await step(parts) == 0
    assert (await storage.experiments.get(experiment.id)).state is RunState.CANCELLING
    await storage.tell(running.id, Stopped(0, None))
    assert await step(parts) == 1
    cancelled = await storage.experiments.get(experiment.id)
    assert (cancelled.state, cancelled.result) == (RunState.CANCELLED, None)
    assert cancelled.ended_at is not None


async def test_what_comes_after_the_end_adds_nothing(storage: Storage) -> None:
    analyst = Analyst(["0/0"])
    parts = parts_of(storage, analyst=analyst)
    experiment = await accepted(parts)

    async def slow(asked: Any, runs: Any) -> Any:
        await storage.experiments.note(experiment.id, EndAsked(), storage.clock.now())
        return await Analyst.step(analyst, asked, runs)

    analyst.step = slow  # type: ignore[method-assign] # a user who cancels meanwhile
    await step(parts)
    assert await states(storage, experiment) == []
    assert (await storage.experiments.get(experiment.id)).state is RunState.CANCELLED


async def test_an_experiment_wants_no_more_requests_than_are_allowed_in_all(storage: Storage) -> None:
    # The small scenario has forty requests a trial.
    analyst = Analyst([batch("0/0", trials=3)], [batch("0/3", trials=3)])
    parts = parts_of(storage, analyst=analyst, quotas=Quotas(10, 200))
    experiment = await accepted(parts)
    await step(parts)
    await complete_all(storage, experiment.id)
    await step(parts)
    failed = await storage.experiments.get(experiment.id)
    assert failed.failure is not None
    assert failed.failure.reason == (
        "experiment: expected at most 200 simulated requests in all its runs, found about 240 that it wants"
    )
    assert failed.progress.runs == 1


async def test_scenarios_of_points_are_no_users_scenarios(storage: Storage) -> None:
    parts = parts_of(storage, analyst=Analyst(["0/0", "1/0"]))
    experiment = await accepted(parts)
    await step(parts)
    listed = {one.name for one in await storage.scenarios.page(None, 10)}
    assert listed == {"small"}
    assert await storage.count(scenarios) == 3
    point = batch("0/0").scenario["metadata"]["name"]
    await storage.accept(stored(point))
    assert {one.name for one in await storage.scenarios.page(None, 10)} == {"small", point}
    await until_ended(storage, parts, experiment.id)
    storage.clock.turn(seconds=1)
    await storage.experiments.delete(experiment.id, storage.clock.now())
    async with storage.database.reading() as connection:
        left = set((await connection.execute(select(scenarios.c.name))).scalars())
        assert (await connection.execute(select(experiments.c.id))).first() is None
    assert left == {"small", point}


async def test_it_works_by_itself_and_waits_for_a_database_that_fails(
    sqlite: Storage, log_lines: list[Any]
) -> None:
    parts = parts_of(sqlite, analyst=Analyst(["0/0", "1/0"]))
    experiment = await accepted(parts)
    async with sqlite.without("experiments"):
        task = asyncio.create_task(parts.experimenter.run(cast("EventManager", None)))
        await until(lambda: any("the experimenter waits" in line["event"] for line in log_lines))

    async def wants() -> bool:
        return len(await runs_of(sqlite, experiment.id)) == 2

    async def is_done() -> bool:
        return not (await sqlite.experiments.get(experiment.id)).state.active

    await until(wants)
    await complete_all(sqlite, experiment.id)
    parts.experimenter.wake()
    await until(is_done)
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert (await sqlite.experiments.get(experiment.id)).progress.runs_done == 2
