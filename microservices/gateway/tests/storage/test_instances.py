"""Several instances of the gateway on one database, which meet in every way."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from gateway_testing.scenarios import result
from gateway_testing.storage import Storage

from headroom_gateway.domain.lives import (
    CancelAsked,
    Completed,
    Failed,
    Message,
    News,
    Progressed,
    RunState,
    Stalled,
    Stopped,
)
from headroom_gateway.representations import RunEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def instances(database_url: str) -> AsyncIterator[list[Storage]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Storage(database_url)) for _ in range(3)]


@pytest.mark.parametrize("seed", range(3))
async def test_news_that_come_at_once_are_numbered_and_end_a_run_once(
    instances: list[Storage], seed: int
) -> None:
    chooser = random.Random(seed)  # noqa: S311 - the order of a test
    run = await instances[0].running()
    kept = await instances[0].keep(result(), run)
    partial = await instances[0].keep(result(1, partial=True), run)
    news: list[News] = [
        *(Progressed(trials, 40 * trials, 2.0 * trials, "some trial") for trials in range(1, 4)),
        *(CancelAsked(), CancelAsked(), Failed("it broke", None), Stalled(900.0)),
        *(Completed(kept.hash), Completed(kept.hash), Stopped(1, partial.hash), Stopped(1, partial.hash)),
    ]
    chooser.shuffle(news)
    await asyncio.gather(*(chooser.choice(instances).tell(run.id, one) for one in news))

    whole = await instances[0].runs.get(run.id)
    assert not whole.state.active
    told = [RunEvent.model_validate_json(one.data) for one in await instances[0].runs.news(run.id, 0)]
    numbers = [event.sequence for event in told]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == whole.sequence
    states = [event.state for event in told]
    ends = [state for state in states if not state.active]
    assert set(ends) == {whole.state}, "no end is followed by another one"
    if whole.state is RunState.COMPLETED:
        assert len(ends) == 1
    assert len(ends) <= 2, "the end, and a partial result that came late"
    waiting = [message for _, message in await instances[0].waiting()]
    assert sorted(waiting) == sorted(set(waiting))
    assert Message.REQUESTED in waiting


async def test_changes_of_different_runs_do_not_mix(instances: list[Storage]) -> None:
    runs = [await instances[0].running() for _ in range(6)]

    async def go(number: int) -> None:
        for trials in range(1, 4):
            instance = instances[(number + trials) % len(instances)]
            await instance.tell(runs[number].id, Progressed(trials, trials, float(trials), f"of {number}"))

    await asyncio.gather(*(go(number) for number in range(len(runs))))
    for number, run in enumerate(runs):
        (news,) = await instances[0].runs.news(run.id, 2)
        event = RunEvent.model_validate_json(news.data)
        assert (event.sequence, event.progress and event.progress.trials_done) == (5, 3)
        found = await instances[1].runs.get(run.id)
        assert found.sequence == 5
        failed = await instances[2].tell(run.id, Failed("it broke", None))
        assert failed is not None
        assert failed.failure is not None
        assert failed.failure.last_event == f"run.progressed of {number}"


async def test_a_run_is_deleted_or_changed_but_never_half(instances: list[Storage]) -> None:
    for _ in range(5):
        run = await instances[0].running()
        kept = await instances[0].keep(result(1, partial=True), run)
        await instances[0].tell(run.id, Failed("it broke", None))
        changed, _ = await asyncio.gather(
            instances[0].tell(run.id, Stopped(1, kept.hash)),
            instances[1].runs.delete(run.id, instances[1].clock.now()),
        )
        assert changed is None or changed.state is RunState.FAILED
        assert await instances[2].runs.sequences([run.id]) == {}
        assert await instances[2].runs.news(run.id, 0) == []
