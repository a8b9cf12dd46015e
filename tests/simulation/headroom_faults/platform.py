"""The simulated platform: broker, stores and processes, and the storms over all of them."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headroom_analysis.store import MemoryStore
from headroom_common.contracts.events import ServiceState
from headroom_faults.broker import SimulatedBroker
from headroom_faults.plan import CALM, SERVICES
from headroom_faults.process import Process
from headroom_faults.stores import SimulatedDatabase, SimulatedRedis
from headroom_faults.variants import as_text

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Collection, Coroutine, Mapping
    from uuid import UUID

    from headroom_common.contracts.event import Event
    from headroom_common.contracts.events import RunCompleted, RunFailed, RunStopped
    from headroom_common.contracts.wire import Encoded
    from headroom_faults.auditor import Auditor
    from headroom_faults.plan import Plan, Rates
    from headroom_faults.trace import Trace


class Records:
    """What the gateway's database holds: outcomes of runs, by run and event id."""

    def __init__(self) -> None:
        self.results: dict[UUID, dict[UUID, str]] = {}
        self.failures: dict[UUID, dict[UUID, str]] = {}
        self.stops: dict[UUID, dict[UUID, RunStopped]] = {}

    def completed(self, event: Event[RunCompleted]) -> tuple[()]:
        self.results.setdefault(event.body.run_id, {})[event.envelope.id] = as_text(event.body.result)
        return ()

    def stopped(self, event: Event[RunStopped]) -> tuple[()]:
        self.stops.setdefault(event.body.run_id, {})[event.envelope.id] = event.body
        return ()

    def failed(self, event: Event[RunFailed]) -> tuple[()]:
        self.failures.setdefault(event.body.run_id, {})[event.envelope.id] = event.body.reason
        return ()


class Platform:
    """Everything that runs.

    Args:
        plan: what is simulated.
        chance: draws.
        trace: is told of every step.
        damage: what becomes of poisoned messages; see ``SimulatedBroker``.
        auditor: watches.

    Attributes:
        plan: as given.
        chance: as given.
        trace: as given.
        auditor: as given.
        broker: the broker.
        redis: the inbox of all services.
        database: analysis' store.
        records: the gateway's.
        client: submits runs; it has connection troubles as all have, but lives.
        processes: those that are alive.
        rates: of the faults now.
    """

    def __init__(
        self,
        plan: Plan,
        chance: random.Random,
        trace: Trace,
        *,
        damage: Mapping[tuple[str, str], Callable[[Encoded], Encoded]],
        auditor: Auditor,
    ) -> None:
        self.plan = plan
        self.chance = chance
        self.trace = trace
        self.auditor = auditor
        self.rates: Rates = plan.rates
        self.broker = SimulatedBroker(
            chance,
            trace,
            queue_limit=plan.queue_limit,
            latency=plan.latency,
            rates=plan.rates,
            damage=damage,
        )
        self.redis = SimulatedRedis(chance, plan.rates)
        self.database = SimulatedDatabase(MemoryStore(), chance, plan.rates)
        self.records = Records()
        self.processes: list[Process] = []
        self._instances = itertools.count(1)
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._calm = asyncio.Event()
        self._ended = False
        self.client = Process(self, "client", "1", mortal=False)

    def start(self) -> None:
        self.client.start()
        for service in SERVICES:
            for _ in range(self.plan.instances[service]):
                self._start_one(service)
        self.spawn(self._rage())

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do something meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        return task

    def bury(self, process: Process) -> None:
        """Clear a dead process away and start another one after a while."""
        self.replace(process)
        self.spawn(process.end())

    def replace(self, process: Process) -> None:
        """Start another process of a service after a while."""
        if process in self.processes:
            self.processes.remove(process)
            wait = self.chance.expovariate(0.5) if not self._calm.is_set() else 0.1
            asyncio.get_running_loop().call_later(wait, self._start_one, process.service)

    def darken(self, services: Collection[str]) -> None:
        """Have all processes of these services die at once."""
        for process in [process for process in self.processes if process.service in services]:
            process.crash("with all of its kind")

    def heal(self) -> None:
        """End all faults."""
        self.trace.note("platform", "HEAL")
        self._calm.set()
        self.rates = self.broker.rates = self.redis.rates = self.database.rates = CALM
        self.broker.unblock()
        if not self.broker.up:
            self.broker.start()
        self.redis.up = self.database.up = True
        self.redis.slow = 0.0
        for process in (*self.processes, self.client):
            process.wake()

    @property
    def unready(self) -> list[str]:
        """The processes that are missing or not ready, and why.

        A service learns that its inbox answers again from the next event only, which need not come.
        """
        missing = sum(self.plan.instances.values()) - len(self.processes)
        troubles = {process.name: set(process.manager._states.troubles) for process in self.processes}
        found = [
            f"{process.name} is {process.manager.state.value} {sorted(troubles[process.name])}"
            for process in self.processes
            if process.manager.state is not ServiceState.READY and troubles[process.name] != {"inbox"}
        ]
        return [*found, f"{missing} processes are missing"] if missing else found

    def check(self) -> None:
        """Let errors of the simulator's own tasks out."""
        for task in [task for task in self._tasks if task.done()]:
            del self._tasks[task]
            if not task.cancelled():
                task.result()

    async def end(self) -> None:
        """Stop everything."""
        self._calm.set()
        self._ended = True
        for process in (*self.processes, self.client):
            process.crash("the simulation ends")
        await asyncio.wait(self._tasks, timeout=60.0)

    def _start_one(self, service: str) -> None:
        if self._ended:
            return
        process = Process(self, service, str(next(self._instances)))
        self.trace.note(process.name, "START")
        self.processes.append(process)
        process.start()

    async def _rage(self) -> None:
        """Let faults of the whole platform happen at random times."""
        frequency = self.rates.storm
        storms = [
            self._one_crashes,
            self._several_crash,
            self._one_retires,
            self._one_stalls,
            self._one_is_cut_off,
            self._broker_restarts,
            self._broker_blocks,
            self._inbox_forgets,
            self._inbox_fails,
            self._inbox_is_slow,
            self._database_fails,
        ]
        while frequency and not self._calm.is_set():
            await asyncio.sleep(self.chance.expovariate(frequency))
            if not self._calm.is_set():
                await self.chance.choice(storms)()

    async def _one_crashes(self) -> None:
        if self.processes:
            self.chance.choice(self.processes).crash("at random")

    async def _several_crash(self) -> None:
        for process in self.chance.sample(self.processes, len(self.processes) // 2):
            process.crash("with others")

    async def _one_retires(self) -> None:
        if self.processes:
            self.spawn(self.chance.choice(self.processes).retire())

    async def _one_stalls(self) -> None:
        if self.processes:
            self.chance.choice(self.processes).stall(self.chance.uniform(0.0, 20.0))

    async def _one_is_cut_off(self) -> None:
        self.chance.choice([*self.processes, self.client]).cut("at random")

    async def _broker_restarts(self) -> None:
        self.broker.stop()
        await self._a_while()
        if not self.broker.up:
            self.broker.start()

    async def _broker_blocks(self) -> None:
        self.broker.block()
        await self._a_while()
        self.broker.unblock()

    async def _inbox_forgets(self) -> None:
        self.trace.note("redis", "FORGETS", str(len(self.redis.known)))
        self.redis.known.clear()

    async def _inbox_fails(self) -> None:
        self.trace.note("redis", "FAILS")
        self.redis.up = False
        await self._a_while()
        self.redis.up = True

    async def _inbox_is_slow(self) -> None:
        self.redis.slow = self.chance.choice([0.05, 0.5])
        await self._a_while()
        self.redis.slow = 0.0

    async def _database_fails(self) -> None:
        self.trace.note("database", "FAILS")
        self.database.up = False
        await self._a_while()
        self.database.up = True

    async def _a_while(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._calm.wait(), self.chance.expovariate(0.3))
