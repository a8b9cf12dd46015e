"""What the gateway keeps, with short ways to say what a test needs of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from sqlalchemy import func, select

from gateway_testing.clocks import HandClock
from gateway_testing.scenarios import stored
from headroom_gateway.domain.lives import Message, RunState, Started
from headroom_gateway.storage.database import Database
from headroom_gateway.storage.experiments import Experiments
from headroom_gateway.storage.results import Identity, LocalHotSet, NewResult, Results
from headroom_gateway.storage.runs import Runs
from headroom_gateway.storage.scenarios import Scenarios
from headroom_gateway.storage.schema import outbox
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from sqlalchemy import Table

    from headroom_gateway.domain.lives import News
    from headroom_gateway.representations import Run
    from headroom_gateway.storage.scenarios import NewScenario

CALLER = "key:tests"


class Storage:
    """The gateway's stores on one database, and a clock that is turned by hand.

    Args:
        url: of a database with tables.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.clock = HandClock()
        self.database = Database(url)
        self.scenarios = Scenarios(self.database)
        self.runs = Runs(self.database)
        self.experiments = Experiments(self.database, self.scenarios)
        self.results = Results(self.database, LocalHotSet())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.database.close()

    async def accept(
        self, scenario: NewScenario | None = None, *, at: datetime | None = None, **columns: Any
    ) -> Run:
        """Store a waiting run, and its scenario."""
        new = scenario or stored()
        now = at or self.clock.now()
        async with self.database.transaction() as connection:
            await self.scenarios.put(connection, new, CALLER, now)
            return await self.runs.put(connection, row_of(new, now) | columns, None)

    async def tell(self, run_id: UUID, *news: News) -> Run | None:
        """Let news change a run, each in a transaction of its own; return what the last one made of it."""
        run = None
        for one in news:
            async with self.database.transaction() as connection:
                run = await self.runs.change(connection, run_id, one, self.clock.now())
        return run

    async def running(self, **columns: Any) -> Run:
        """Store a run that the services have."""
        run = await self.tell((await self.accept(**columns)).id, Started())
        assert run is not None
        assert run.state is RunState.RUNNING
        return run

    async def keep(self, document: Mapping[str, Any], run: Run) -> NewResult:
        """Store a result document as of a run; the run does not know of it."""
        identity = Identity(run.scenario_id, run.seed, run.trials, run.confidence)
        new = await NewResult.of(document, identity)
        async with self.database.transaction() as connection:
            await self.results.put(connection, new, self.clock.now())
        return new

    async def waiting(self) -> list[tuple[UUID, Message]]:
        """Return what is in the outbox, oldest first."""
        query = select(outbox.c.run_id, outbox.c.kind).order_by(outbox.c.created_at_us, outbox.c.kind)
        async with self.database.reading() as connection:
            return [(row.run_id, Message(row.kind)) for row in await connection.execute(query)]

    @asynccontextmanager
    async def without(self, table: str) -> AsyncIterator[None]:
        """Have every statement about a table fail for a while, as in a database that is in trouble."""
        async with self.database.transaction() as connection:
            await connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO away")
        yield
        async with self.database.transaction() as connection:
            await connection.exec_driver_sql(f"ALTER TABLE away RENAME TO {table}")

    async def count(self, table: Table) -> int:
        """Return how many rows a table has."""
        async with self.database.reading() as connection:
            return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


def row_of(scenario: NewScenario, now: datetime) -> dict[str, Any]:
    """Return the row of a new run, as it is accepted."""
    return {
        "id": uuid4(),
        "scenario_id": scenario.id,
        "scenario_name": scenario.row["name"],
        "trials": 3,
        "seed": 1,
        "confidence": 0.95,
        "segment_arrivals": 1000,
        "late_bound": False,
        "created_at_us": to_us(now),
        "created_by": CALLER,
        "clone_of": None,
        "total_s": 6.0,
    }
