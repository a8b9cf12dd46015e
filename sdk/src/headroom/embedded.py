"""A run in one process: the services' own handlers on the memory transport, and a client that follows."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headroom.following import Follower
from headroom.progress import OnProgress
from headroom.quiet import quiet_unless_configured
from headroom.result import Result
from headroom.runs import require, run_parameters
from headroom.scenarios import as_scenario
from headroom.services import SERVICES
from headroom_common.allocator import keep_freed_memory
from headroom_common.contracts.events import RunParameters, RunRequested
from headroom_common.defaults import SEGMENT_ARRIVALS
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.subscriptions import Subscribe
from headroom_common.event_manager.workers import available_cores
from headroom_common.scenario import Scenario
from headroom_common.transports.memory import MemoryBroker

_INSTANCE = "embedded"


def run(  # noqa: PLR0913 - the options of a run
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    trials: int = 10,
    seed: int = 1,
    threads: int | None = None,
    segment_arrivals: int | None = None,
    late_bound: bool = False,
    confidence: float = 0.95,
    broker: str | None = None,
    gateway: str | None = None,
    on_progress: OnProgress | None = None,
) -> Result:
    """Simulate a scenario and return what was found out.

    Scenario, seed, trials, confidence and version decide the result, to the byte; nothing else does.

    Args:
        scenario: a checked scenario, a mapping as its YAML would give, or the path of a YAML file.
        trials: how many independent replications.
        seed: seed of all randomness, from 0 to 2^64 - 1.
        threads: worker threads; None means one per core that this process may use. Of this process alone.
        segment_arrivals: aim for the number of arrivals that are simulated at a time; None takes what suits.
        late_bound: let the server model decide all routing.
        confidence: level of the confidence intervals, between 0 and 1.
        broker: URL of a platform's broker, to have the platform simulate; None simulates in this process.
        gateway: URL of a platform's gateway, in the broker's place. The key comes from the environment
            variable HEADROOM_KEY, or from `headroom login`.
        on_progress: is told from time to time how far the run has come.

    Raises:
        ScenarioError: the scenario has problems.
        PermanentError: an argument is out of its range.
        RunFailedError: the run could not be completed.
        PlatformError: the broker or a service of the platform is not there.
        GatewayError: the gateway refuses the run, or cannot be reached.
        RuntimeError: an event loop runs in this thread already; await `run_async` there.
    """
    _need_no_loop()
    return asyncio.run(
        run_async(
            scenario,
            trials=trials,
            seed=seed,
            threads=threads,
            segment_arrivals=segment_arrivals,
            late_bound=late_bound,
            confidence=confidence,
            broker=broker,
            gateway=gateway,
            on_progress=on_progress,
        )
    )


async def run_async(  # noqa: PLR0913 - the options of a run
    scenario: Scenario | Mapping[str, Any] | str | Path,
    *,
    trials: int = 10,
    seed: int = 1,
    threads: int | None = None,
    segment_arrivals: int | None = None,
    late_bound: bool = False,
    confidence: float = 0.95,
    broker: str | None = None,
    gateway: str | None = None,
    on_progress: OnProgress | None = None,
) -> Result:
    """Do what `run` does on the running event loop; cancelling the task stops the run.

    Raises:
        ScenarioError: the scenario has problems.
        PermanentError: an argument is out of its range.
        RunFailedError: the run could not be completed.
        PlatformError: the broker or a service of the platform is not there.
        GatewayError: the gateway refuses the run, or cannot be reached.
    """
    checked = as_scenario(scenario)
    require("gateway", gateway, gateway is None or broker is None, "a broker or a gateway and not both")
    common: dict[str, Any] = {
        "trials": trials,
        "seed": seed,
        "late_bound": late_bound,
        "confidence": confidence,
    }
    elsewhere: dict[str, Any] = {"segment_arrivals": segment_arrivals, "on_progress": on_progress}
    if gateway is not None:
        from headroom.gateway import run_at_gateway  # noqa: PLC0415 - HTTP takes long to import

        return await run_at_gateway(checked, gateway, **common, **elsewhere)
    if broker is not None:
        from headroom.remote import run_remote  # noqa: PLC0415 - a broker's client takes long to import

        return await run_remote(checked, broker, **common, **elsewhere)
    workers = available_cores() if threads is None else threads
    require("threads", workers, workers >= 1, "at least 1")
    parameters = run_parameters(
        checked,
        window=max(2, workers),
        segment_arrivals=SEGMENT_ARRIVALS if segment_arrivals is None else segment_arrivals,
        **common,
    )
    quiet_unless_configured()
    keep_freed_memory()
    document = await follow(parameters, checked.spec.horizon, on_progress, threads=workers)
    return Result(document)


def _need_no_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    message = "headroom.run: an event loop runs in this thread already; write await headroom.run_async(…)"
    raise RuntimeError(message)


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
    client = Follower(parameters, horizon, on_progress)
    async with (
        pipeline(threads, services) as (broker, workers),
        manager_of("sdk", broker, workers, client.subscribe) as manager,
    ):
        await manager.publish(RunRequested(run=parameters))
        return await client.outcome


@asynccontextmanager
async def pipeline(
    threads: int, services: Mapping[str, Callable[[], Subscribe]]
) -> AsyncIterator[tuple[MemoryBroker, WorkerPool]]:
    """All services on a broker of their own, sharing `threads` worker threads."""
    broker = MemoryBroker()
    workers = WorkerPool(threads)
    finished = False
    try:
        async with AsyncExitStack() as stack:
            for service, handlers in services.items():
                await stack.enter_async_context(manager_of(service, broker, workers, handlers()))
            yield broker, workers
        finished = True
    finally:
        if finished:
            workers.close()
        else:
            # Whoever interrupts a run does not wait for a kernel that is being compiled.
            threading.Thread(target=workers.close, daemon=True).start()


def manager_of(service: str, broker: MemoryBroker, workers: WorkerPool, subscribe: Subscribe) -> EventManager:
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
