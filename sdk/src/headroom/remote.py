"""A run on a platform: submitted to its broker and followed from here."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from uuid import uuid4

from pydantic import SecretStr

from headroom.following import Follower
from headroom.progress import OnProgress
from headroom.quiet import quiet_unless_configured
from headroom.result import Result
from headroom.runs import run_parameters
from headroom_common.contracts.events import RunCancelled, RunParameters, RunRequested
from headroom_common.defaults import REMOTE_SEGMENT_ARRIVALS
from headroom_common.errors import TransientError
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.roll_call import CLIENT, SIMULATING, RollCall
from headroom_common.scenario import Scenario
from headroom_common.transports.opening import open_transport
from headroom_common.transports.port import ConnectionLostError, Transport
from headroom_common.transports.settings import BrokerSettings

WINDOW = 4
"""Trials in flight at once: enough to keep every stage of the ring busy."""

PATIENCE = 10.0
"""Seconds to wait for a broker, and for the services on it, before they count as absent."""

_FAREWELL = 5.0


class PlatformError(TransientError):
    """The platform cannot be reached, or a service that a run needs is not there."""


async def run_remote(
    scenario: Scenario,
    broker: str,
    *,
    trials: int,
    seed: int,
    segment_arrivals: int | None = None,
    late_bound: bool = False,
    confidence: float = 0.95,
    on_progress: OnProgress | None = None,
) -> Result:
    """Have a platform simulate a scenario; cancelling the task cancels the run.

    Args:
        scenario: what to simulate.
        broker: URL of the platform's broker, such as ``amqp://user:password@host:5672/``.
        trials: how many independent replications.
        seed: seed of all randomness.
        segment_arrivals: aim for the number of arrivals in one event; None takes what suits brokers.
        late_bound: let the server model decide all routing.
        confidence: level of the confidence intervals.
        on_progress: is told from time to time how far the run has come.

    Raises:
        PermanentError: an argument is out of its range, or the broker refuses this client.
        PlatformError: the broker or a service is not there.
        RunFailedError: the run could not be completed.
    """
    parameters = run_parameters(
        scenario,
        trials=trials,
        seed=seed,
        window=WINDOW,
        segment_arrivals=REMOTE_SEGMENT_ARRIVALS if segment_arrivals is None else segment_arrivals,
        late_bound=late_bound,
        confidence=confidence,
        run_id=uuid4(),  # the same run may be asked for again, by anybody
    )
    follower = Follower(parameters, scenario.spec.horizon, on_progress)
    present = RollCall(CLIENT, SystemClock())

    def subscribe(manager: EventManager) -> None:
        follower.subscribe(manager)
        present.subscribe(manager)

    async with visiting(broker, subscribe) as manager:
        await present.call(manager, within=PATIENCE, until=SIMULATING)
        if missing := set(SIMULATING) - present.working:
            raise _missing(missing, broker)
        return Result(await _outcome(manager, follower, parameters))


async def _outcome(manager: EventManager, follower: Follower, run: RunParameters) -> dict[str, object]:
    try:
        await manager.publish(RunRequested(run=run))
        return await follower.outcome
    except asyncio.CancelledError:
        # A broker that is away does not hear of it, and must not hide that this task was cancelled.
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await manager.publish(RunCancelled(run_id=run.run_id))
        raise


@asynccontextmanager
async def visiting(
    broker: str, subscribe: Callable[[EventManager], None] = lambda _: None
) -> AsyncIterator[EventManager]:
    """An event manager of this program's own on a platform's broker, started and stopped.

    Raises:
        PermanentError: the broker refuses this client.
        PlatformError: the broker cannot be reached.
    """
    quiet_unless_configured()
    workers = WorkerPool(1)
    manager = EventManager(
        service=CLIENT,
        instance=uuid4().hex[:12],
        version=version("headroom"),
        transport=transport_of(broker),
        inbox=MemoryInbox(),
        settings=EventManagerSettings(),
        clock=SystemClock(),
        workers=workers,
    )
    subscribe(manager)
    try:
        try:
            async with asyncio.timeout(PATIENCE):
                await manager.start()
        except TimeoutError:
            raise _unreachable(broker) from None
        yield manager
        await manager.drain()
    finally:
        await manager.stop()
        workers.close()


@asynccontextmanager
async def connected(broker: str) -> AsyncIterator[Transport]:
    """A bare connection to a platform's broker, for those who look after its queues.

    Raises:
        PermanentError: the broker refuses this client.
        PlatformError: the broker cannot be reached.
    """
    quiet_unless_configured()
    transport = transport_of(broker)
    try:
        async with asyncio.timeout(PATIENCE):
            await transport.connect(lambda _connected, _reason: None)
    except (TimeoutError, ConnectionLostError) as error:
        raise _unreachable(broker) from error
    try:
        yield transport
    finally:
        await transport.close()


def transport_of(broker: str) -> Transport:
    """A transport to a platform's broker, not connected yet.

    Raises:
        PermanentError: the URL cannot be used.
    """
    return open_transport(_settings(broker), name=f"headroom {CLIENT}")


def _settings(broker: str) -> BrokerSettings:
    return BrokerSettings(url=SecretStr(broker))


def _unreachable(broker: str) -> PlatformError:
    message = f"broker: expected one at {_settings(broker).address}, found none within {PATIENCE:g} s"
    return PlatformError(message, next_step="Check the URL and that the broker runs.")


def _missing(services: set[str], broker: str) -> PlatformError:
    listed = ", ".join(sorted(services))
    message = f"platform at {_settings(broker).address}: expected every service of a run, found no {listed}"
    return PlatformError(message, next_step="Start the platform: headroom up --broker URL")
