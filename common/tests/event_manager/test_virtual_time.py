import asyncio
import time

import pytest

from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.virtual_time import EPOCH, VirtualClock, VirtualTimeLoop, in_virtual_time


@in_virtual_time
async def test_hours_pass_at_once() -> None:
    began = time.monotonic()
    await VirtualClock().sleep(36_000)
    assert VirtualClock().now() == EPOCH.replace(hour=10)
    assert time.monotonic() - began < 5


@in_virtual_time
async def test_timers_go_off_in_order() -> None:
    order: list[tuple[float, int]] = []

    async def wait(delay: float) -> None:
        await asyncio.sleep(delay)
        order.append((asyncio.get_running_loop().time(), int(delay)))

    await asyncio.gather(*(wait(delay) for delay in (30, 10, 20, 0)))
    assert [delay for _, delay in order] == [0, 10, 20, 30]
    assert [at for at, _ in order] == pytest.approx([0, 10, 20, 30])


@in_virtual_time
async def test_timeouts_are_virtual() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await asyncio.Event().wait()
    assert asyncio.get_running_loop().time() == pytest.approx(3600)


@in_virtual_time
async def test_time_stands_while_a_thread_computes() -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(0.001):
        await loop.run_in_executor(None, time.sleep, 0.05)
    assert loop.time() == pytest.approx(0)
    assert isinstance(loop, VirtualTimeLoop)
    assert loop.jobs == 0


def test_a_story_that_cannot_go_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headroom_common.event_manager.virtual_time._PATIENCE", 0.01)

    async def stuck() -> None:
        await asyncio.Event().wait()

    loop = VirtualTimeLoop()
    task = loop.create_task(stuck())
    with pytest.raises(RuntimeError, match="virtual time stands still"):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_the_function_keeps_its_name_and_result() -> None:
    @in_virtual_time
    async def add(a: int, *, b: int) -> int:
        await asyncio.sleep(1)
        return a + b

    assert add.__name__ == "add"
    assert add(1, b=2) == 3


async def test_the_system_clock_tells_and_waits() -> None:
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(0.01)
    assert 0.005 < (clock.now() - before).total_seconds() < 5
    assert before.utcoffset() is not None
