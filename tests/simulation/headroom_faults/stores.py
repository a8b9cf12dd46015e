"""What outlives the processes besides the broker: a shared inbox that may forget, and analysis' database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from headroom_common.errors import TransientError

if TYPE_CHECKING:
    import random
    from uuid import UUID

    from headroom_analysis.domain.partials import Partial
    from headroom_analysis.plans import RunPlan
    from headroom_analysis.store import KeptTrials, PartialStore, Standing, Stopped
    from headroom_common.contracts.events import CompletedHeader
    from headroom_faults.plan import Rates
    from headroom_faults.process import Process


class SimulatedRedis:
    """Handled ids of all services.

    Attributes:
        up: whether it answers.
        slow: mean seconds of a call.
        known: what it remembers: services and event ids.
    """

    def __init__(self, chance: random.Random, rates: Rates) -> None:
        self.up = True
        self.slow = 0.0
        self.known: dict[tuple[str, UUID], None] = {}
        self.rates = rates
        self._chance = chance

    async def call(self) -> bool:
        """Go there; returns whether its answer comes back.

        Raises:
            TransientError: it was not reached.
        """
        if self.slow:
            await asyncio.sleep(self._chance.expovariate(1.0 / self.slow))
        draw = self._chance.random()
        if not self.up or draw < self.rates.inbox / 2:
            msg = "Redis does not answer"
            raise TransientError(msg)
        return draw >= self.rates.inbox


class SimulatedInbox:
    """One process' access to what its service has handled; see ``inbox.Inbox``."""

    def __init__(self, redis: SimulatedRedis, host: Process) -> None:
        self._redis = redis
        self._host = host

    async def seen(self, event_id: UUID) -> bool:
        self._host.auditor.told(self._host, event_id, seen=False)
        await self._host.step("seen", f"[{str(event_id)[:8]}]")
        if not await self._redis.call():
            msg = "Redis' answer was lost"
            raise TransientError(msg)
        seen = (self._host.service, event_id) in self._redis.known
        self._host.auditor.told(self._host, event_id, seen=seen)
        return seen

    async def mark(self, event_id: UUID) -> None:
        await self._host.step("mark", f"[{str(event_id)[:8]}]")
        self._host.auditor.marks(self._host, event_id)
        answers = await self._redis.call()
        self._redis.known[self._host.service, event_id] = None
        await self._host.step("marked", f"[{str(event_id)[:8]}]")
        if not answers:
            msg = "Redis' answer was lost"
            raise TransientError(msg)


class SimulatedDatabase:
    """Analysis' store: each addition is one transaction, whose answer may be lost.

    Args:
        store: what it does when all goes well.
        chance: draws.
        rates: of the faults.

    Attributes:
        up: whether it answers.
        rates: as given.
    """

    def __init__(self, store: PartialStore, chance: random.Random, rates: Rates) -> None:
        self.up = True
        self.rates = rates
        self._store = store
        self._chance = chance

    def add(self, header: CompletedHeader, plan: RunPlan, partial: Partial) -> Standing | None:
        draw = self._chance.random()
        if not self.up or draw < self.rates.database / 2:
            msg = "the database does not answer"
            raise TransientError(msg)
        standing = self._store.add(header, plan, partial)
        if draw < self.rates.database:
            msg = "the answer to a commit was lost"
            raise TransientError(msg)
        return standing

    def stop(self, run_id: UUID) -> Stopped | None:
        self._reach()
        return self._store.stop(run_id)

    def discard(self, run_id: UUID) -> None:
        self._reach()
        self._store.discard(run_id)

    def trials(self, run_id: UUID) -> KeptTrials | None:
        self._reach()
        return self._store.trials(run_id)

    def _reach(self) -> None:
        if not self.up:
            msg = "the database does not answer"
            raise TransientError(msg)
