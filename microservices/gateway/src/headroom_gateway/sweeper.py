"""What time alone brings about: runs that stall are failed, old ones are removed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select

from headroom_common.errors import TransientError
from headroom_common.logs import Log
from headroom_gateway.domain.lives import Message, RunState, Stalled
from headroom_gateway.storage.schema import experiments, idempotency, runs
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_common.event_manager import EventManager
    from headroom_gateway.parts import Parts

IDEMPOTENCY_DAYS: Final = 1
"""How long an idempotency key is remembered."""

REMOVAL_PERIOD: Final = 600.0
"""Seconds between two removals of what is old."""

START_GRACE: Final = 60.0
"""Seconds after the start in which no run counts as stalled."""

_AT_ONCE: Final = 100
_EXPERIMENTS_AT_ONCE: Final = 4
_log = Log(__name__)


class Sweeper:
    """Fails what stalls and removes what is old.

    Args:
        parts: what it works with.
        stall_timeout: seconds without news after which a run has failed.
        retention_days: days after which ended runs are removed; None keeps them.
    """

    def __init__(self, parts: Parts, *, stall_timeout: float, retention_days: int | None) -> None:
        self._database = parts.database
        self._runs = parts.runs
        self._results = parts.results
        self._experiments = parts.experiments
        self._feeds = parts.feeds
        self._relay = parts.relay
        self._clock = parts.clock
        self._stall_timeout = stall_timeout
        self._retention_days = retention_days
        self._period = min(10.0, stall_timeout / 4)

    async def run(self, _: EventManager) -> None:
        """Work until cancelled; a database that is away is waited for."""
        loop = asyncio.get_running_loop()
        removal = loop.time()
        # After a time in which no gateway was there, the news of runs wait at the broker: they go first.
        await asyncio.sleep(min(START_GRACE, self._stall_timeout))
        while True:
            await asyncio.sleep(self._period)
            try:
                await self.fail_stalled()
                if loop.time() >= removal:
                    while await self.remove_old():
                        pass
                    removal = loop.time() + REMOVAL_PERIOD
            except TransientError as error:
                _log.warning("the sweeper waits for the database", reason=error.message)

    async def fail_stalled(self) -> None:
        """End the runs of which nothing was heard for too long.

        Raises:
            TransientError: the database failed.
        """
        now = self._clock.now()
        limit = to_us(now - timedelta(seconds=self._stall_timeout))
        query = (
            select(runs.c.id)
            .where(runs.c.ended_at_us.is_(None), runs.c.state.in_((RunState.RUNNING, RunState.CANCELLING)))
            .where(runs.c.changed_at_us < limit)
            .limit(_AT_ONCE)
        )
        async with self._database.reading() as connection:
            stalled = (await connection.execute(query)).scalars().all()
        for run_id in stalled:
            async with self._database.transaction() as connection:
                still = query.where(runs.c.id == run_id).with_for_update()
                if (await connection.execute(still)).first() is None:
                    continue  # there were news meanwhile
                failed = await self._runs.change(connection, run_id, Stalled(self._stall_timeout), now)
            if failed is not None:
                self._runs.metrics.changed(failed, now)
                self._runs.metrics.stalled()
                _log.warning("a run stalled", run_id=str(run_id), state=failed.state.value)
                self._feeds.notify(run_id)
                self._relay.wake()

    async def remove_old(self) -> int:
        """Remove what ended too long ago, its results, and old idempotency keys.

        Returns:
            How many runs and experiments went; the runs of these go with them.

        Raises:
            TransientError: the database failed.
        """
        now = self._clock.now()
        forgotten = to_us(now - timedelta(days=IDEMPOTENCY_DAYS))
        async with self._database.transaction() as connection:
            await connection.execute(delete(idempotency).where(idempotency.c.created_at_us < forgotten))
            if self._retention_days is None:
                return 0
            limit = to_us(now - timedelta(days=self._retention_days))
            removed = await self._remove_experiments(connection, limit, now)
            query = select(runs.c.id).where(runs.c.ended_at_us < limit, runs.c.experiment_id.is_(None))
            old = (await connection.execute(query.limit(_AT_ONCE))).scalars().all()
            if not old and not removed:
                return 0
            await connection.execute(delete(runs).where(runs.c.id.in_(old)))
            for run_id in old:
                await self._runs.send(connection, run_id, Message.DELETED, now)
            await self._results.remove_unused(connection)
        self._relay.wake()
        return len(old) + removed

    async def _remove_experiments(self, connection: AsyncConnection, limit: int, now: datetime) -> int:
        query = select(experiments.c.id).where(experiments.c.ended_at_us < limit).limit(_EXPERIMENTS_AT_ONCE)
        old = (await connection.execute(query)).scalars().all()
        return sum([await self._experiments.remove(connection, one, now) for one in old])
