"""A run in one process: the services' own handlers on the memory transport, and a client that follows."""

import asyncio
import os
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headroom.progress import OnProgress, Progress
from headroom.quiet import quiet_unless_configured
from headroom.result import Result
from headroom.scenarios import as_scenario
from headroom.services import SERVICES, Subscribe
from headroom_common.allocator import keep_freed_memory
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    RunCompleted,
    RunFailed,
    RunParameters,
    RunProgressed,
    RunRequested,
)
from headroom_common.defaults import SEGMENT_ARRIVALS
from headroom_common.errors import PermanentError
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.scenario import Scenario
from headroom_common.transports.memory import MemoryBroker

RUNS = uuid.uuid5(uuid.NAMESPACE_DNS, "runs.headroom.dev")
"""The UUIDv5 namespace of runs."""

_NANOSECONDS = 1e9
_INSTANCE = "embedded"


class RunFailedError(PermanentError):
    """A run could not be completed.

    Attributes:
        field: path of the scenario's field at fault; None when it is none.
    """

    def __init__(self, reason: str, field: str | None = None) -> None:
        where = f"{field}: " if field else ""
        next_step = (
            f"Change {field} in the scenario."
            if field
            else "If the scenario is valid, this is a fault of Headroom: please report it with the scenario."
        )
        super().__init__(f"{where}{reason}", next_step=next_step)
        self.field = field


def run(
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    trials: int = 10,
    seed: int = 1,
    threads: int | None = None,
    segment_arrivals: int = SEGMENT_ARRIVALS,
    late_bound: bool = False,
    confidence: float = 0.95,
    on_progress: OnProgress | None = None,
) -> Result:
    """Simulate a scenario and return what was found out.

    Scenario, seed, trials, confidence and version decide the result, to the byte; nothing else does.

    Args:
        scenario: a checked scenario, a mapping as its YAML would give, or the path of a YAML file.
        trials: how many independent replications.
        seed: seed of all randomness, from 0 to 2^64 - 1.
        threads: worker threads; None means one per core that this process may use.
        segment_arrivals: aim for the number of arrivals that are simulated at a time.
        late_bound: let the server model decide all routing.
        confidence: level of the confidence intervals, between 0 and 1.
        on_progress: is told from time to time how far the run has come.

    Raises:
        ScenarioError: the scenario has problems.
        PermanentError: an argument is out of its range.
        RunFailedError: the run could not be completed.
        RuntimeError: an event loop runs in this thread already; await `run_async` there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        message = "headroom.run: an event loop runs in this thread already; write await headroom.run_async(…)"
        raise RuntimeError(message)
    return asyncio.run(
        run_async(
            scenario,
            trials=trials,
            seed=seed,
            threads=threads,
            segment_arrivals=segment_arrivals,
            late_bound=late_bound,
            confidence=confidence,
            on_progress=on_progress,
        )
    )


async def run_async(
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    trials: int = 10,
    seed: int = 1,
    threads: int | None = None,
    segment_arrivals: int = SEGMENT_ARRIVALS,
    late_bound: bool = False,
    confidence: float = 0.95,
    on_progress: OnProgress | None = None,
) -> Result:
    """Do what `run` does on the running event loop; cancelling the task stops the run.

    Raises:
        ScenarioError: the scenario has problems.
        PermanentError: an argument is out of its range.
        RunFailedError: the run could not be completed.
    """
    checked = as_scenario(scenario)
    workers = available_cores() if threads is None else threads
    _require("threads", workers, workers >= 1, "at least 1")
    parameters = run_parameters(
        checked,
        trials=trials,
        seed=seed,
        window=max(2, workers),
        segment_arrivals=segment_arrivals,
        late_bound=late_bound,
        confidence=confidence,
    )
    quiet_unless_configured()
    keep_freed_memory()
    document = await follow(parameters, checked.spec.horizon, on_progress, threads=workers)
    return Result(document)


async def follow(
    parameters: RunParameters,
    horizon: int,
    on_progress: OnProgress | None,
    *,
    threads: int,
    services: Mapping[str, Callable[[], Subscribe]] = SERVICES,
) -> dict[str, Any]:
    """Start the services, request a run and wait for its result document.

    Args:
        parameters: of the run.
        horizon: virtual time per trial, in nanoseconds.
        on_progress: is told how far the run has come.
        threads: worker threads that the services share.
        services: what runs; by name, makes the handlers.

    Raises:
        RunFailedError: the run could not be completed.
    """
    client = _Client(parameters, horizon, on_progress)
    async with (
        _pipeline(threads, services) as (broker, workers),
        _manager("sdk", broker, workers, client.subscribe) as manager,
    ):
        await manager.publish(RunRequested(run=parameters))
        return await client.outcome


def run_parameters(
    scenario: Scenario,
    *,
    trials: int,
    seed: int,
    window: int = 2,
    segment_arrivals: int = SEGMENT_ARRIVALS,
    late_bound: bool = False,
    confidence: float = 0.95,
) -> RunParameters:
    """The parameters of a run; its id follows from all that decides the result.

    Raises:
        PermanentError: an argument is out of its range.
    """
    _require("trials", trials, trials >= 1, "at least 1")
    _require("seed", seed, 0 <= seed < 2**64, "0 to 2^64 - 1")
    _require("segment_arrivals", segment_arrivals, segment_arrivals >= 1, "at least 1")
    _require("confidence", confidence, 0 < confidence < 1, "a number between 0 and 1")
    scenario_hash = scenario.content_hash()
    engine = version("headroom-analysis")
    return RunParameters(
        run_id=uuid.uuid5(RUNS, f"{scenario_hash} {seed} {trials} {confidence!r} {engine}"),
        scenario=scenario.canonical(),
        scenario_hash=scenario_hash,
        seed=seed,
        trials=trials,
        segment_arrivals=segment_arrivals,
        window=window,
        late_bound=late_bound,
        confidence=float(confidence),
    )


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _require(name: str, found: object, holds: bool, expected: str) -> None:  # noqa: FBT001 - a condition
    """Refuse an argument that is out of its range.

    Raises:
        PermanentError: the condition does not hold.
    """
    if not holds:
        message = f"{name}: expected {expected}, found {found!r}"
        raise PermanentError(message, next_step=f"Give another {name}.")


class _Client:
    """Follows one run from outside the pipeline, as the gateway does.

    Args:
        run: the run.
        horizon: virtual time per trial, in nanoseconds.
        on_progress: is told how far the run has come.

    Attributes:
        outcome: the result document, or `RunFailedError`.
    """

    def __init__(self, run: RunParameters, horizon: int, on_progress: OnProgress | None) -> None:
        self.outcome: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._total = run.trials * horizon / _NANOSECONDS
        self._on_progress = on_progress

    def subscribe(self, manager: EventManager) -> None:
        """Take the events that tell how the run goes."""
        manager.subscribe(RunProgressed, self._progressed, inline=True)
        manager.subscribe(RunCompleted, self._completed, inline=True)
        manager.subscribe(RunFailed, self._failed, inline=True)

    def _progressed(self, event: Event[RunProgressed]) -> tuple[Outgoing, ...]:
        body = event.body
        if self._on_progress is not None and not self.outcome.done():
            simulated = body.simulated_ns / _NANOSECONDS
            progress = Progress(body.trials_done, body.trials, body.requests, simulated, self._total)
            try:
                self._on_progress(progress)
            except Exception as error:  # noqa: BLE001 - the caller's own failure goes back to the caller
                self.outcome.set_exception(error)
        return ()

    def _completed(self, event: Event[RunCompleted]) -> tuple[Outgoing, ...]:
        if not self.outcome.done():
            self.outcome.set_result(event.body.result)
        return ()

    def _failed(self, event: Event[RunFailed]) -> tuple[Outgoing, ...]:
        if not self.outcome.done():
            self.outcome.set_exception(RunFailedError(event.body.reason, event.body.field))
        return ()


@asynccontextmanager
async def _pipeline(
    threads: int, services: Mapping[str, Callable[[], Subscribe]]
) -> AsyncIterator[tuple[MemoryBroker, WorkerPool]]:
    """All services on a broker of their own, sharing `threads` worker threads."""
    broker = MemoryBroker()
    workers = WorkerPool(threads)
    finished = False
    try:
        async with AsyncExitStack() as stack:
            for service, handlers in services.items():
                await stack.enter_async_context(_manager(service, broker, workers, handlers()))
            yield broker, workers
        finished = True
    finally:
        if finished:
            workers.close()
        else:
            # Whoever interrupts a run does not wait for a kernel that is being compiled.
            threading.Thread(target=workers.close, daemon=True).start()


def _manager(service: str, broker: MemoryBroker, workers: WorkerPool, subscribe: Subscribe) -> EventManager:
    """The event manager of one service, with its subscriptions."""
    manager = EventManager(
        service=service,
        instance=_INSTANCE,
        version=version("headroom"),
        transport=broker.transport(),
        inbox=MemoryInbox(),
        settings=EventManagerSettings(),
        clock=SystemClock(),
        workers=workers,
    )
    subscribe(manager)
    return manager
