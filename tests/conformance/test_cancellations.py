"""Cancelled runs: every instance of a stage hears of them and drops their events, whoever gets them."""

from typing import Any
from uuid import uuid4

from headroom_common.contracts.events import RunCancelled, TrialAnalysed
from headroom_common.event_manager.cancellations import heed_cancellations

OTHER = uuid4()


def trial_of_another_run(world: Any, number: int) -> TrialAnalysed:
    run = world.run.model_copy(update={"run_id": OTHER})
    return TrialAnalysed(run=run, trial=number)


def test_every_instance_drops_the_events_of_a_cancelled_run_and_no_others(world: Any, seen: Any) -> None:
    got = [seen(), seen()]

    async def story() -> None:
        stages = [
            world.service("generator", {TrialAnalysed: handler}, instance=name, prefetch=1)
            for name, handler in zip("ab", got, strict=True)
        ]
        for stage in stages:
            heed_cancellations(stage)
        async with world.service("gateway") as gateway, stages[0], stages[1]:
            await gateway.publish(RunCancelled(run_id=world.run.run_id))
            await world.until(lambda: all(stage.counters.handled == 1 for stage in stages))
            for trial in range(20):
                await gateway.publish(world.trial(trial))
            for trial in range(5):
                await gateway.publish(trial_of_another_run(world, trial))
            await world.until(lambda: sum(stage.counters.unwanted for stage in stages) == 20)
            await world.until(lambda: sum(len(each.events) for each in got) == 5)
            await world.settled(*stages)
        assert sorted(got[0].trials + got[1].trials) == list(range(5))

    world.play(story())


def test_one_that_was_not_there_is_told_again(world: Any, seen: Any) -> None:
    late, got = seen(), seen()

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: seen()}):
            pass
        async with world.service("gateway") as gateway, world.service("analysis", {RunCancelled: late}):
            await gateway.publish(RunCancelled(run_id=world.run.run_id))
            await world.until(lambda: late.events)
            stage = world.service("generator", {TrialAnalysed: got}, instance="2")
            heed_cancellations(stage)
            async with stage:
                await gateway.publish(world.trial(0))
                await world.until(lambda: got.trials == [0])
                await gateway.publish(RunCancelled(run_id=world.run.run_id), event_id=uuid4())
                await world.until(lambda: stage.counters.handled == 2)
                await gateway.publish(world.trial(1))
                await world.until(lambda: stage.counters.unwanted == 1)
        assert got.trials == [0]

    world.play(story())
