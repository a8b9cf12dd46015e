"""Followers of runs, in virtual time: whenever they come, however slow they are, however they leave."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast
from uuid import UUID

import pytest
from gateway_testing.newspapers import Newspaper
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_common.event_manager.virtual_time import in_virtual_time
from headroom_gateway.errors import TooManyFollowersError
from headroom_gateway.feeds import PERIOD, Feeds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from headroom_common.event_manager import EventManager
    from headroom_gateway.storage.news import StoredNews

RUN, OTHER = UUID(int=1), UUID(int=2)
HEARTBEAT = 15.0


def feeds_of(*papers: Newspaper, most_followers: int = 100) -> Feeds:
    return Feeds(*papers, most_followers=most_followers)


@asynccontextmanager
async def at_work(feeds: Feeds) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(feeds.run(cast("EventManager", None)))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def following(
    feeds: Feeds, run: UUID, after: int
) -> AbstractAsyncContextManager[AsyncIterator[StoredNews | None]]:
    return aclosing(cast("AsyncGenerator[StoredNews | None]", feeds.follow(run, after, HEARTBEAT)))


async def read(
    feeds: Feeds,
    into: list[int],
    *,
    run: UUID = RUN,
    after: int = 0,
    pause: float = 0.0,
    until: Callable[[StoredNews], bool] = lambda _: False,
) -> None:
    """Follow a run, note the numbers of its news, and rest after each."""
    async with aclosing(
        cast("AsyncGenerator[StoredNews | None]", feeds.follow(run, after, HEARTBEAT))
    ) as news:
        async for one in news:
            if one is None:
                continue
            into.append(one.sequence)
            if until(one):
                return
            await asyncio.sleep(pause)


def write(paper: Newspaper, kinds: str, run: UUID = RUN) -> None:
    """Write news: ``s`` for a state, ``p`` for progress."""
    for kind in kinds:
        paper.write(run, {"s": "state", "p": "progress"}[kind])


def now() -> float:
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_a_follower_gets_what_was_and_what_comes() -> None:
    paper, found = Newspaper(), list[int]()
    write(paper, "ssp")
    feeds = feeds_of(paper)
    async with at_work(feeds), asyncio.TaskGroup() as group:
        group.create_task(read(feeds, found, until=lambda one: one.sequence == 6))
        await asyncio.sleep(1)
        assert found == [1, 2, 3]
        for kind in "pps":
            write(paper, kind)
            feeds.notify(RUN)
            await asyncio.sleep(0.001)
    assert found == [1, 2, 3, 4, 5, 6]


@in_virtual_time
async def test_whoever_comes_late_gets_all_states_and_the_latest_progress() -> None:
    paper = Newspaper()
    feeds = feeds_of(paper)
    early, late, resumed, known = list[int](), list[int](), list[int](), list[int]()
    async with at_work(feeds):
        write(paper, "ss")
        tasks = [asyncio.create_task(read(feeds, early))]
        for kind in "ppps":
            await asyncio.sleep(1)
            write(paper, kind)
        await asyncio.sleep(1)
        tasks += [
            asyncio.create_task(read(feeds, late)),
            asyncio.create_task(read(feeds, resumed, after=2)),
            asyncio.create_task(read(feeds, known, after=6)),
        ]
        await asyncio.sleep(1)
        write(paper, "s")
        await asyncio.sleep(1)
    await asyncio.gather(*tasks)
    assert early == [1, 2, 3, 4, 5, 6, 7]
    assert late == [1, 2, 5, 6, 7]
    assert resumed == [5, 6, 7]
    assert known == [7]


@in_virtual_time
async def test_whoever_is_slow_misses_outdated_progress_and_no_state() -> None:
    paper, found = Newspaper(), list[int]()
    feeds = feeds_of(paper)
    async with at_work(feeds):
        task = asyncio.create_task(read(feeds, found, pause=10.0))
        for kind in "sspppppspps":
            write(paper, kind)
            await asyncio.sleep(1)
        await asyncio.sleep(200)
    await task
    assert [number for number in found if number in {1, 2, 8, 11}] == [1, 2, 8, 11]
    assert found == sorted(set(found))
    assert len(found) < 11


@in_virtual_time
async def test_news_of_this_instance_are_told_at_once_and_others_within_a_period() -> None:
    paper, found = Newspaper(), list[int]()
    feeds = feeds_of(paper)
    async with at_work(feeds):
        write(paper, "s")
        task = asyncio.create_task(read(feeds, found))
        await asyncio.sleep(10.1)
        write(paper, "s")
        feeds.notify(RUN)
        await asyncio.sleep(0.001)
        assert found == [1, 2]
        write(paper, "s")
        await asyncio.sleep(PERIOD)
        assert found == [1, 2, 3]
    await task


@in_virtual_time
async def test_whoever_comes_first_does_not_wait_for_the_next_period() -> None:
    paper, found = Newspaper(), list[int]()
    write(paper, "s")
    feeds = feeds_of(paper)
    async with at_work(feeds):
        await asyncio.sleep(0.1)
        task = asyncio.create_task(read(feeds, found))
        await asyncio.sleep(0.001)
        assert found == [1]
    await task


@in_virtual_time
async def test_followers_are_told_that_it_is_still_there() -> None:
    paper = Newspaper()
    write(paper, "s")
    feeds = feeds_of(paper)
    moments: list[float] = []
    async with (
        at_work(feeds),
        following(feeds, RUN, 1) as news,
    ):
        async for one in news:
            assert one is None
            moments.append(now())
            if len(moments) == 3:
                break
    assert moments == [HEARTBEAT, 2 * HEARTBEAT, 3 * HEARTBEAT]


@in_virtual_time
async def test_nobody_is_looked_for_when_nobody_follows() -> None:
    paper = Newspaper()
    feeds = feeds_of(paper)
    async with at_work(feeds):
        await asyncio.sleep(60)
        feeds.notify(RUN)
        await asyncio.sleep(60)
    assert paper.looks == 0


@in_virtual_time
async def test_many_followers_cost_one_look() -> None:
    paper = Newspaper()
    write(paper, "s")
    write(paper, "s", OTHER)
    feeds = feeds_of(paper)
    found: list[list[int]] = [[] for _ in range(50)]
    async with at_work(feeds):
        tasks = [
            asyncio.create_task(read(feeds, into, run=(RUN, OTHER)[number % 2]))
            for number, into in enumerate(found)
        ]
        await asyncio.sleep(10 * PERIOD + 0.1)
        assert paper.looks <= 13
    await asyncio.gather(*tasks)
    assert found == [[1]] * 50


@in_virtual_time
async def test_all_are_let_go_when_the_instance_ends() -> None:
    paper, found = Newspaper(), list[int]()
    write(paper, "s")
    feeds = feeds_of(paper)
    async with at_work(feeds):
        tasks = [asyncio.create_task(read(feeds, found)) for _ in range(3)]
        await asyncio.sleep(1)
    ended = now()
    await asyncio.gather(*tasks)
    assert now() == ended
    await read(feeds, found)
    assert found == [1, 1, 1], "nobody follows what has ended"


@in_virtual_time
async def test_those_who_follow_a_run_that_is_deleted_are_let_go() -> None:
    paper, found = Newspaper(), list[int]()
    write(paper, "s")
    feeds = feeds_of(paper)
    async with at_work(feeds):
        task = asyncio.create_task(read(feeds, found))
        await asyncio.sleep(1)
        paper.remove(RUN)
        async with asyncio.timeout(2 * PERIOD):
            await task
    assert found == [1]
    assert feeds._feeds == {}


@in_virtual_time
async def test_a_database_that_is_away_is_waited_for() -> None:
    paper, found = Newspaper(), list[int]()
    paper.away = True
    write(paper, "s")
    feeds = feeds_of(paper)
    async with at_work(feeds):
        task = asyncio.create_task(read(feeds, found))
        await asyncio.sleep(60)
        assert found == []
        paper.away = False
        await asyncio.sleep(1)
        assert found == [1]
    await task


@pytest.mark.parametrize("moment", [0.0, 0.2, 1.0, 5.0, 16.0])
@in_virtual_time
async def test_whoever_leaves_leaves_nothing_behind(moment: float) -> None:
    paper = Newspaper()
    write(paper, "ssp")
    write(paper, "s", OTHER)
    feeds = feeds_of(paper)
    async with at_work(feeds):
        stayed: list[int] = []
        stays = asyncio.create_task(read(feeds, stayed))
        leaves = [asyncio.create_task(read(feeds, [], run=run, pause=3.0)) for run in (RUN, OTHER, RUN)]
        await asyncio.sleep(moment)
        for task in leaves:
            task.cancel()
        await asyncio.gather(*leaves, return_exceptions=True)
        assert set(feeds._feeds) == {RUN}
        assert feeds._followers == 1
        write(paper, "s")
        await asyncio.sleep(1)
        assert stayed[-1] == 4
    await stays
    assert (feeds._feeds, feeds._followers) == ({}, 0)


@in_virtual_time
async def test_one_more_than_allowed_is_refused() -> None:
    paper = Newspaper()
    write(paper, "s")
    feeds = feeds_of(paper, most_followers=2)
    async with at_work(feeds):
        tasks = [asyncio.create_task(read(feeds, [])) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyFollowersError, match="expected at most 2 at once") as caught:
            feeds.require_room()
        assert caught.value.delay
        with pytest.raises(TooManyFollowersError):
            await read(feeds, [])
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        feeds.require_room()
    await tasks[1]


steps = st.lists(st.tuples(st.sampled_from("sspppp"), st.sampled_from([0.0, 0.1, 0.5, 2.0])), max_size=15)
followers = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from([0.0, 0.3, 1.0, 3.0]), st.sampled_from([0.0, 0.4, 5.0])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60)
@given(written=steps, readers=followers)
@in_virtual_time
async def test_nobody_misses_a_state(
    written: Sequence[tuple[str, float]], readers: Sequence[tuple[int, float, float]]
) -> None:
    paper = Newspaper()
    write(paper, "s")
    feeds = feeds_of(paper)
    found: list[list[int]] = [[] for _ in readers]

    async def come(into: list[int], after: int, moment: float, pause: float) -> None:
        await asyncio.sleep(moment)
        await read(feeds, into, after=after, pause=pause)

    states = [1]
    async with at_work(feeds):
        tasks = [
            asyncio.create_task(come(into, *reader)) for into, reader in zip(found, readers, strict=True)
        ]
        for kind, pause in [*written, ("s", 0.0)]:
            news = paper.write(RUN, "state" if kind == "s" else "progress")
            if kind == "s":
                states.append(news.sequence)
            await asyncio.sleep(pause)
        await asyncio.sleep(200)
    await asyncio.gather(*tasks)
    for into, (after, _, _) in zip(found, readers, strict=True):
        assert into == sorted(set(into)), "in their order, each once"
        assert all(number > after for number in into)
        assert [number for number in into if number in states] == [n for n in states if n > after]
    assert feeds._feeds == {}
