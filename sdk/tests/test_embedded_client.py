"""What the embedded client does around a pipeline: here a hand-written one of a single service."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable

import pytest
import structlog

from headroom.embedded import follow, run, run_async
from headroom.following import RunFailedError
from headroom.progress import Progress
from headroom.quiet import quiet_unless_configured
from headroom.runs import run_parameters
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    Body,
    RunCompleted,
    RunFailed,
    RunParameters,
    RunProgressed,
    RunRequested,
)
from headroom_common.errors import PermanentError
from headroom_common.event_manager import EventManager
from headroom_common.event_manager.subscriptions import Subscribe
from headroom_common.event_manager.workers import available_cores
from headroom_common.logs import Log
from headroom_common.scenario import Scenario

SECOND = 10**9
Answer = Callable[[RunParameters], Iterable[Body]]

pytestmark = pytest.mark.usefixtures("structlog_as_it_was")


@pytest.fixture
def parameters(small_scenario: Scenario) -> RunParameters:
    quiet_unless_configured()
    return run_parameters(small_scenario, trials=4, seed=1)


def answering(answer: Answer) -> dict[str, Callable[[], Subscribe]]:
    """Services that answer the request of a run with whatever bodies `answer` gives."""

    def handle(event: Event[RunRequested]) -> list[Outgoing]:
        bodies = answer(event.body.run)
        return [Outgoing(body, f"{place}") for place, body in enumerate(bodies)]

    def subscribe(manager: EventManager) -> None:
        manager.subscribe(RunRequested, handle)

    return {"oracle": lambda: subscribe}


async def test_the_result_of_the_run_comes_back(parameters: RunParameters) -> None:
    services = answering(lambda run: [RunCompleted(run_id=run.run_id, result={"seed": run.seed})])
    assert await follow(parameters, SECOND, None, threads=1, services=services) == {"seed": 1}


async def test_a_failed_run_raises_with_the_field_at_fault(parameters: RunParameters) -> None:
    services = answering(
        lambda run: [RunFailed(run_id=run.run_id, reason="does not fit", field="spec.servers[0].memory")]
    )
    with pytest.raises(RunFailedError, match=r"spec.servers\[0\].memory: does not fit") as caught:
        await follow(parameters, SECOND, None, threads=1, services=services)
    assert caught.value.field == "spec.servers[0].memory"
    assert "spec.servers[0].memory" in caught.value.next_step


async def test_a_handler_that_breaks_fails_the_run(parameters: RunParameters) -> None:
    def broken(_: RunParameters) -> Iterable[Body]:
        message = "lost"
        raise KeyError(message)

    with pytest.raises(RunFailedError, match="KeyError") as caught:
        await follow(parameters, SECOND, None, threads=1, services=answering(broken))
    assert "report" in caught.value.next_step


async def test_progress_is_told_in_seconds_of_all_trials(parameters: RunParameters) -> None:
    def answer(run: RunParameters) -> list[Body]:
        progressed = RunProgressed(
            run_id=run.run_id, trials_done=1, trials=4, requests=10, simulated_ns=15 * SECOND, trial=0
        )
        return [progressed, RunCompleted(run_id=run.run_id, result={})]

    told: list[Progress] = []
    done = asyncio.Event()

    def on_progress(progress: Progress) -> None:
        told.append(progress)
        done.set()

    await follow(parameters, 10 * SECOND, on_progress, threads=2, services=answering(answer))
    await asyncio.wait_for(done.wait(), 5)
    assert told == [Progress(trials_done=1, trials=4, requests=10, simulated=15.0, total=40.0)]


async def test_a_failure_of_the_callers_own_function_goes_back_to_the_caller(
    parameters: RunParameters,
) -> None:
    def answer(run: RunParameters) -> list[Body]:
        return [
            RunProgressed(run_id=run.run_id, trials_done=0, trials=4, requests=1, simulated_ns=1, trial=0)
        ]

    def on_progress(_: Progress) -> None:
        message = "the caller's own"
        raise ZeroDivisionError(message)

    with pytest.raises(ZeroDivisionError, match="the caller's own"):
        await follow(parameters, SECOND, on_progress, threads=1, services=answering(answer))


async def test_cancelling_does_not_wait_for_a_busy_worker(parameters: RunParameters) -> None:
    started, release = threading.Event(), threading.Event()

    def busy(_: RunParameters) -> list[Body]:
        started.set()
        release.wait(20)
        return []

    task = asyncio.create_task(follow(parameters, SECOND, None, threads=1, services=answering(busy)))
    await asyncio.to_thread(started.wait, 5)
    before = time.perf_counter()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    took = time.perf_counter() - before
    release.set()
    assert took < 2


async def test_no_thread_of_a_run_is_left_behind(parameters: RunParameters) -> None:
    services = answering(lambda run: [RunCompleted(run_id=run.run_id, result={})])
    before = set(threading.enumerate())
    await follow(parameters, SECOND, None, threads=3, services=services)
    assert set(threading.enumerate()) <= before


async def test_events_of_a_run_stay_among_its_own_services(parameters: RunParameters) -> None:
    def answer(run: RunParameters) -> list[Body]:
        return [RunCompleted(run_id=run.run_id, result={"seed": run.seed})]

    runs = [parameters.model_copy(update={"seed": seed}) for seed in range(5)]
    results = await asyncio.gather(
        *(follow(one, SECOND, None, threads=1, services=answering(answer)) for one in runs)
    )
    assert [result["seed"] for result in results] == [0, 1, 2, 3, 4]


def test_the_runs_id_follows_from_what_decides_the_result(small_scenario: Scenario) -> None:
    def identity(**changes: object) -> object:
        return run_parameters(small_scenario, **({"trials": 4, "seed": 1} | changes)).run_id  # type: ignore[arg-type]

    same = identity()
    assert identity(segment_arrivals=7, late_bound=True, window=9) == same
    others = [identity(trials=5), identity(seed=2), identity(confidence=0.9)]
    other = small_scenario.model_copy(
        update={"metadata": small_scenario.metadata.model_copy(update={"name": "other"})}
    )
    others.append(run_parameters(other, trials=4, seed=1).run_id)
    assert len({same, *others}) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"trials": 0}, "trials: expected at least 1, found 0"),
        ({"seed": -1}, r"seed: expected 0 to 2\^64 - 1, found -1"),
        ({"seed": 2**64}, "seed: expected"),
        ({"threads": 0}, "threads: expected at least 1, found 0"),
        ({"segment_arrivals": 0}, "segment_arrivals: expected at least 1, found 0"),
        ({"confidence": 1.0}, "confidence: expected a number between 0 and 1, found 1.0"),
    ],
)
def test_arguments_out_of_range_are_refused_before_anything_runs(
    small_scenario: Scenario, arguments: dict[str, int], said: str
) -> None:
    with pytest.raises(PermanentError, match=said) as caught:
        run(small_scenario, **arguments)  # type: ignore[arg-type]
    assert caught.value.next_step


async def test_within_an_event_loop_run_says_so(small_scenario: Scenario) -> None:
    with pytest.raises(RuntimeError, match="run_async"):
        run(small_scenario)


async def test_the_async_twin_checks_the_same(small_scenario: Scenario) -> None:
    with pytest.raises(PermanentError, match="trials"):
        await run_async(small_scenario, trials=0)


def test_there_is_a_core_to_run_on() -> None:
    assert available_cores() >= 1


def test_the_services_are_silent_unless_the_program_logs_itself(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    quiet_unless_configured()
    log = Log("headroom")
    log.error("not heard")
    assert capsys.readouterr() == ("", "")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory())
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(0))
    quiet_unless_configured()
    log.error("heard")
    assert "heard" in capsys.readouterr().out
