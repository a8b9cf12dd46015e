"""Work that waits its turn: one after the other, a bounded number, and never on the event loop."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from threading import Event, current_thread, main_thread

import pytest

from headroom_analysis.api.turns import Turns
from headroom_common.errors import TransientError


async def test_one_after_the_other_in_a_thread() -> None:
    turns, at_work, most = Turns("drawing"), 0, 0

    def draw() -> bool:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        Event().wait(0.001)
        at_work -= 1
        return current_thread() is main_thread()

    assert await asyncio.gather(*(turns.run(draw) for _ in range(20))) == [False] * 20
    assert most == 1
    turns.close()


async def test_places_are_bounded_and_come_free() -> None:
    turns = Turns("drawing", threads=1, waiting=1)
    with ExitStack() as taken:
        for _ in range(2):
            taken.enter_context(turns.place())
        with pytest.raises(TransientError, match="at most 2 requests at once") as caught, turns.place():
            pass
        assert caught.value.next_step
    with turns.place():
        pass
    turns.close()


async def test_abandoned_work_keeps_its_thread() -> None:
    turns, loop, let_go, done = Turns("drawing"), asyncio.get_running_loop(), Event(), []
    begun = asyncio.Event()

    def draw() -> None:
        loop.call_soon_threadsafe(begun.set)
        let_go.wait()
        done.append("first")

    first = asyncio.create_task(turns.run(draw))
    await begun.wait()
    first.cancel()
    second = asyncio.create_task(turns.run(lambda: done.append("second")))
    await asyncio.gather(first, return_exceptions=True)
    let_go.set()
    await second
    assert done == ["first", "second"]
    turns.close()
