"""From the database to the broker: runs are handed to the services when there is room, and nothing is lost.

What has to be told is in the outbox, written in the transaction that makes it true. The relay publishes it
and then removes it: after a crash between the two it is published again, with the same id, and dropped where
it arrives.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, func, select, tuple_, update

from headroom_common.contracts.events import RunCancelled, RunDeleted, RunParameters, RunRequested
from headroom_common.errors import PermanentError, TransientError
from headroom_common.logs import Log
from headroom_gateway.domain.lives import Failed, Message, RunState, Started
from headroom_gateway.storage.run_rows import seed_of
from headroom_gateway.storage.scenarios import document_of
from headroom_gateway.storage.schema import outbox, runs, scenarios
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_common.contracts.events import ControlBody
    from headroom_common.event_manager import EventManager
    from headroom_common.event_manager.clock import Clock
    from headroom_gateway.feeds import Feeds
    from headroom_gateway.representations import Run
    from headroom_gateway.storage.database import Database
    from headroom_gateway.storage.runs import Runs

_BATCH: Final = 16
_LEASE: Final = timedelta(seconds=5)
"""How long a message is left alone that an instance may be publishing, or may have died over.

Shorter than publishing takes when the broker is slow: a copy is dropped where it arrives.
"""
_POLL: Final = 1.0
_BREATH: Final = 0.05
"""Seconds after a look that found nothing to do: while there is no room, every request that is accepted asks
for one."""
_ADMISSION: Final = 0x67617465_61646D69
"""Of PostgreSQL's advisory locks: which instance lets runs in now."""

_log = Log(__name__)


class Relay:
    """Hands runs and messages to the services.

    Args:
        database: where they are.
        runs: changes them.
        feeds: is told of what changed.
        clock: time.
        most_running: runs that the services get at once; more of them wait in the database.
        window: trials of a run in flight at once.
    """

    def __init__(
        self, database: Database, runs_: Runs, feeds: Feeds, clock: Clock, *, most_running: int, window: int
    ) -> None:
        self._database = database
        self._runs = runs_
        self._feeds = feeds
        self._clock = clock
        self._most_running = most_running
        self._most_of_experiments = max(1, most_running // 2)
        self._window = window
        self._news = asyncio.Event()
        self._full = False  # when it looked last

    def wake(self) -> None:
        """Have it look at once: a run has ended, or others have to be told something."""
        self._news.set()

    def accepted(self) -> None:
        """Have it look at once, unless there is no room: then only an end of a run makes a difference."""
        if not self._full:
            self._news.set()

    async def repeat(self) -> None:
        """Have told again what was told of the runs under way; as everything told twice, it has the same ids.

        Raises:
            TransientError: the database failed.
        """
        told = {RunState.RUNNING: Message.REQUESTED, RunState.CANCELLING: Message.CANCELLED}
        under_way = select(runs.c.id, runs.c.state).where(
            runs.c.ended_at_us.is_(None), runs.c.state.in_(list(told))
        )
        async with self._database.transaction() as connection:
            for row in (await connection.execute(under_way)).all():
                await self._runs.send(connection, row.id, told[RunState(row.state)], self._clock.now())

    async def run(self, manager: EventManager) -> None:
        """Work until cancelled; a database that is away is waited for."""
        while True:
            self._news.clear()
            try:
                busy = await self._admit() + await self._send(manager)
            except TransientError as error:
                _log.warning("the relay waits for the database", reason=error.message)
                busy = 0
            if not busy:
                await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(_BREATH)
        try:
            async with asyncio.timeout(_POLL):
                await self._news.wait()
        except TimeoutError:
            return

    async def _admit(self) -> int:
        """Let waiting runs in, as many as there is room for; return how many.

        Oldest first; but the runs of experiments, which come by the thousand, wait for all others, and leave
        half of the places to these.
        """
        queued = and_(runs.c.ended_at_us.is_(None), runs.c.state == RunState.QUEUED)
        async with self._database.reading() as connection:
            if (await connection.execute(select(runs.c.id).where(queued).limit(1))).first() is None:
                self._full = False
                return 0
        async with self._database.transaction() as connection:
            if not await self._is_my_turn(connection):
                return 0
            under_way = select(func.count(), func.count(runs.c.experiment_id)).where(
                runs.c.ended_at_us.is_(None), runs.c.state.in_((RunState.RUNNING, RunState.CANCELLING))
            )
            taken, by_experiments = (await connection.execute(under_way)).one()
            room = self._most_running - taken
            self._full = room <= 0
            if self._full:
                return 0
            alone = runs.c.experiment_id.is_(None)
            oldest = select(runs.c.id).where(queued).order_by(runs.c.created_at_us)
            waiting = oldest.where(alone).limit(min(room, _BATCH))
            chosen: list[UUID] = [*(await connection.execute(waiting)).scalars()]
            room = min(room - len(chosen), self._most_of_experiments - by_experiments)
            if room > 0:
                waiting = oldest.where(~alone).limit(min(room, _BATCH))
                chosen += (await connection.execute(waiting)).scalars()
            now = self._clock.now()
            started = [await self._runs.change(connection, run_id, Started(), now) for run_id in chosen]
        self._note(started, now)
        return len(chosen)

    def _note(self, changed: Sequence[Run | None], now: datetime) -> None:
        """Tell who wants to know of runs that were changed, now that this is committed."""
        for run in changed:
            if run is not None:
                self._runs.metrics.changed(run, now)
                self._feeds.notify(run.id)

    async def _is_my_turn(self, connection: AsyncConnection) -> bool:
        if not self._database.is_postgresql:
            return True
        lock = select(func.pg_try_advisory_xact_lock(_ADMISSION))
        mine: bool = (await connection.execute(lock)).scalar_one()
        return mine

    async def _send(self, manager: EventManager) -> int:
        """Publish what is in the outbox, oldest first; return how many messages."""
        leased = await self._lease()
        for run_id, kind in leased:
            body = await self._body(run_id, kind)
            try:
                if body is not None:
                    await manager.publish(body)
            except PermanentError as error:
                await self._give_up(run_id, error)
            async with self._database.transaction() as connection:
                sent = and_(outbox.c.run_id == run_id, outbox.c.kind == kind)
                await connection.execute(delete(outbox).where(sent))
        return len(leased)

    async def _lease(self) -> Sequence[tuple[UUID, Message]]:
        """Take messages for a while, in which other instances leave them alone."""
        now = self._clock.now()
        free = outbox.c.leased_until_us < to_us(now)
        key = tuple_(outbox.c.run_id, outbox.c.kind)
        oldest = (
            select(outbox.c.run_id, outbox.c.kind).where(free).order_by(outbox.c.created_at_us).limit(_BATCH)
        )
        lease = (
            update(outbox)
            .where(key.in_(oldest), free)
            .values(leased_until_us=to_us(now + _LEASE))
            .returning(outbox.c.run_id, outbox.c.kind, outbox.c.created_at_us)
        )
        async with self._database.reading() as connection:
            waiting = (await connection.execute(select(outbox.c.kind).where(free).limit(1))).first()
        if waiting is None:
            return []
        async with self._database.transaction() as connection:
            rows = (await connection.execute(lease)).all()
        return [(row.run_id, Message(row.kind)) for row in sorted(rows, key=lambda row: row.created_at_us)]

    async def _body(self, run_id: UUID, kind: Message) -> ControlBody | None:
        """Return what to publish, None when it is no longer of interest."""
        match kind:
            case Message.REQUESTED:
                parameters = await self._parameters(run_id)
                return None if parameters is None else RunRequested(run=parameters)
            case Message.CANCELLED:
                return RunCancelled(run_id=run_id)
            case Message.DELETED:
                return RunDeleted(run_id=run_id)

    async def _parameters(self, run_id: UUID) -> RunParameters | None:
        query = (
            select(runs, scenarios.c.document, scenarios.c.content_hash)
            .join_from(runs, scenarios)
            .where(runs.c.id == run_id, runs.c.ended_at_us.is_(None))
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return RunParameters(
            run_id=run_id,
            scenario=document_of(row),
            scenario_hash=row.content_hash,
            seed=seed_of(row.seed),
            trials=row.trials,
            segment_arrivals=row.segment_arrivals,
            window=self._window,
            late_bound=row.late_bound,
            confidence=row.confidence,
        )

    async def _give_up(self, run_id: UUID, error: PermanentError) -> None:
        """Fail a run that cannot be published: a fault of ours, of which its user must hear."""
        _log.error("a message cannot be published", run_id=str(run_id), reason=error.message)
        now = self._clock.now()
        async with self._database.transaction() as connection:
            failed = await self._runs.change(connection, run_id, Failed(error.message, None), now)
        self._note([failed], now)
