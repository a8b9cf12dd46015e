"""The small parts: backoff, inbox, settings, workers, states."""

import asyncio
import contextvars
import itertools
import subprocess
import sys
import threading
from statistics import fmean
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headroom_common.contracts.events import ServiceState
from headroom_common.event_manager import EventManagerSettings, WorkerPool
from headroom_common.event_manager.backoff import backoff, jitter
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.states import (
    TRANSITIONS,
    StateMachine,
    Transition,
    Trigger,
    state_diagram,
)


@given(st.text(max_size=40), st.integers(1, 10**6), st.floats(1e-3, 10), st.floats(1, 100))
def test_backoff_stays_within_its_bounds(identity: str, number: int, base: float, factor: float) -> None:
    pause = backoff(identity, number, base=base, cap=base * factor)
    assert 0 <= pause < min(base * factor, base * 2.0 ** min(number - 1, 60))
    assert pause == backoff(identity, number, base=base, cap=base * factor)


def test_jitter_is_spread_evenly() -> None:
    draws = [jitter(f"event-{i}", attempt) for i in range(500) for attempt in range(1, 9)]
    assert abs(fmean(draws) - 0.5) < 0.02
    assert abs(fmean(draw < 0.1 for draw in draws) - 0.1) < 0.02
    assert len(set(draws)) == len(draws)


def test_bounds_double_up_to_the_cap() -> None:
    # The bound itself is reached by the largest of many draws.
    largest = [
        max(backoff(f"e{i}", number, base=1, cap=10) for i in range(2000)) for number in (1, 2, 3, 4, 5, 6)
    ]
    assert largest == pytest.approx([1, 2, 4, 8, 10, 10], rel=0.01)


async def test_the_inbox_remembers() -> None:
    inbox = MemoryInbox(2)
    first, second, third = uuid4(), uuid4(), uuid4()
    await inbox.mark(first)
    await inbox.mark(second)
    assert await inbox.seen(first)
    await inbox.mark(third)
    # The second was the one used longest ago.
    assert [await inbox.seen(event) for event in (first, second, third)] == [True, False, True]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6))), st.integers(1, 4))
def test_the_inbox_equals_a_naive_one(steps: list[tuple[bool, int]], capacity: int) -> None:
    async def compare() -> None:
        inbox, naive = MemoryInbox(capacity), list[UUID]()
        for marks, number in steps:
            event = UUID(int=number)
            known = event in naive
            if not marks:
                assert await inbox.seen(event) is known
            else:
                await inbox.mark(event)
            if known or marks:
                naive = [*(other for other in naive if other != event), event][-capacity:]
            assert inbox.size == len(naive) <= capacity

    asyncio.run(compare())


def test_an_inbox_holds_something() -> None:
    with pytest.raises(ValueError, match="capacity: expected at least 1, found 0"):
        MemoryInbox(0)


@pytest.mark.parametrize(
    "change",
    [
        {"prefetch_data": 0},
        {"prefetch_control": 1001},
        {"max_attempts": 0},
        {"retry_base": 0.0},
        {"publish_timeout": float("inf")},
        {"retry_base": 2.0, "retry_cap": 1.0},
        {"publish_base": 2.0, "publish_cap": 1.0},
        {"compression": "zip"},
        {"unknown": 1},
    ],
)
def test_settings_refuse(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change)).split("_")[0]):
        EventManagerSettings(**change)


def test_a_prefetch_stays_far_below_the_delivery_limit() -> None:
    settings = EventManagerSettings()
    assert settings.prefetch_data <= 8
    assert settings.prefetch_control <= 20


async def test_workers_run_in_threads_with_the_callers_context() -> None:
    variable = contextvars.ContextVar("variable", default="outside")
    variable.set("inside")
    pool = WorkerPool(2)
    both = threading.Barrier(2, timeout=5)

    def call() -> tuple[str, str]:
        both.wait()
        return threading.current_thread().name, variable.get()

    (one, first), (other, second) = await asyncio.gather(pool.run(call), pool.run(call))
    pool.close()
    assert one != other
    assert one.startswith("headroom-worker")
    assert first == second == "inside"


async def test_workers_hand_on_failures() -> None:
    pool = WorkerPool(1)
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    pool.close()


async def test_a_closed_pool_ends_what_runs_and_drops_what_waits() -> None:
    pool = WorkerPool(1)
    begun, go_on = threading.Event(), threading.Event()
    made: list[str] = []

    def first() -> None:
        begun.set()
        go_on.wait(5)
        made.append("first")

    running = asyncio.create_task(pool.run(first))
    waiting = asyncio.create_task(pool.run(lambda: made.append("second")))
    await asyncio.to_thread(begun.wait, 5)
    closing = asyncio.create_task(asyncio.to_thread(pool.close))
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    await asyncio.gather(running, closing)
    assert made == ["first"]
    pool.close()
    with pytest.raises(RuntimeError, match="after shutdown"):
        await pool.run(lambda: None)


async def test_a_call_that_nobody_waits_for_is_not_made() -> None:
    pool = WorkerPool(1)
    begun, go_on = threading.Event(), threading.Event()
    made: list[str] = []
    running = asyncio.create_task(pool.run(lambda: begun.set() or go_on.wait(5)))
    waiting = asyncio.create_task(pool.run(lambda: made.append("second")))
    await asyncio.to_thread(begun.wait, 5)
    waiting.cancel()
    await asyncio.wait({waiting})
    running.cancel()
    await asyncio.wait({running})
    go_on.set()
    assert await pool.run(lambda: "third") == "third"
    pool.close()
    assert not made


def test_a_program_ends_with_the_calls_that_run() -> None:
    code = """
import asyncio, sys, threading, time
from headroom_common.event_manager import WorkerPool

async def main():
    begun = threading.Event()
    call = lambda: (begun.set(), time.sleep(0.3), sys.stdout.write("made"))
    task = asyncio.create_task(WorkerPool(2).run(call))
    await asyncio.sleep(0)
    begun.wait(5)

asyncio.run(main())
"""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("made", "")


def test_a_pool_has_a_thread() -> None:
    with pytest.raises(ValueError, match="threads: expected at least 1, found 0"):
        WorkerPool(0)


def test_the_table_of_states_leads_from_start_to_stop() -> None:
    assert ServiceState.STOPPED not in {before for before, _ in TRANSITIONS}
    reached = {ServiceState.STARTING}
    for _ in ServiceState:
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == set(ServiceState)
    for state in set(ServiceState) - {ServiceState.STOPPED}:
        assert TRANSITIONS[state, Trigger.STOP] is ServiceState.STOPPED


@given(st.lists(st.sampled_from(Trigger)))
def test_the_machine_follows_its_table(triggers: list[Trigger]) -> None:
    told: list[Transition] = []
    machine = StateMachine(told.append)
    expected = ServiceState.STARTING
    for trigger in triggers:
        machine.fire(trigger, trigger.value)
        expected = TRANSITIONS.get((expected, trigger), expected)
        assert machine.state is expected
    for before, after in itertools.pairwise(told):
        assert before.state is after.previous
    assert all(transition.previous is not transition.state for transition in told)


def test_a_service_is_degraded_while_any_source_is_in_trouble() -> None:
    told: list[Transition] = []
    machine = StateMachine(told.append)
    machine.fire(Trigger.STARTED, "up")
    machine.trouble("connection", "cut")
    machine.trouble("inbox", "gone")
    machine.trouble("inbox", "still gone")
    assert dict(machine.troubles) == {"connection": "cut", "inbox": "still gone"}
    machine.recovered("connection", "back")
    machine.recovered("elsewhere", "never in trouble")
    machine.recovered("inbox", "back too")
    assert [(t.state.value, t.reason) for t in told] == [
        ("ready", "up"),
        ("degraded", "cut"),
        ("ready", "back too"),
    ]


def test_trouble_while_starting_degrades_as_soon_as_it_is_up() -> None:
    told: list[Transition] = []
    machine = StateMachine(told.append)
    machine.trouble("inbox", "gone")
    machine.fire(Trigger.STARTED, "up")
    assert [transition.state.value for transition in told] == ["ready", "degraded"]


def test_the_diagram_shows_every_transition() -> None:
    diagram = state_diagram()
    assert diagram.startswith("stateDiagram-v2\n")
    for (before, trigger), after in TRANSITIONS.items():
        assert f"    {before} --> {after}: {trigger}\n" in diagram
