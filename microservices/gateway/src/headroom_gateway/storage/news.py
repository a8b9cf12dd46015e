"""News by their numbers: of runs, and of experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, insert, select

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Column, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_gateway.storage.database import Database

PROGRESS: Final = "progress"
"""The kind of news of which the latest is kept; of the other kind, ``state``, all are."""


@dataclass(frozen=True, slots=True)
class StoredNews:
    """News of a run or an experiment.

    Attributes:
        sequence: their number within it.
        kind: ``state`` or ``progress``.
        data: a RunEvent or an ExperimentEvent as JSON.
    """

    sequence: int
    kind: str
    data: str


class NewsStore:
    """The stored news of runs, or of experiments.

    Args:
        database: where they are.
        things: the table of runs or experiments; each row has the number of its latest news.
        owner: the column of the table of news that tells whose they are.
    """

    def __init__(self, database: Database, things: Table, owner: Column[UUID]) -> None:
        self._database = database
        self._things = things
        self._owner = owner
        events = owner.table
        # Making a statement takes as long as having it executed: those of every request are made once.
        self._adding = insert(events)
        self._outdated = delete(events).where(owner == bindparam("owner"), events.c.kind == PROGRESS)
        self._later = (
            select(events.c.sequence, events.c.kind, events.c.data)
            .where(owner == bindparam("owner"), events.c.sequence > bindparam("after"))
            .order_by(events.c.sequence)
        )

    async def news(self, identity: UUID, after: int) -> Sequence[StoredNews]:
        """Return the news of one of them after a number, in their order.

        Raises:
            TransientError: the database failed.
        """
        async with self._database.reading() as connection:
            found = await connection.execute(self._later, {"owner": identity, "after": after})
            return [StoredNews(*row) for row in found]

    async def sequences(self, identities: Sequence[UUID]) -> Mapping[UUID, int]:
        """Return the numbers of the latest news; those of what is gone are left out.

        Raises:
            TransientError: the database failed.
        """
        things = self._things.c
        query = select(things.id, things.sequence).where(things.id.in_(identities))
        async with self._database.reading() as connection:
            return {row.id: row.sequence for row in await connection.execute(query)}

    async def _tell(self, connection: AsyncConnection, identity: UUID, news: StoredNews) -> None:
        """Add news within a transaction."""
        if news.kind == PROGRESS:
            await connection.execute(self._outdated, {"owner": identity})
        await connection.execute(self._adding, self._row(identity, news))

    async def _tell_all(self, connection: AsyncConnection, news: Mapping[UUID, StoredNews]) -> None:
        """Add the first news of each within a transaction."""
        if news:
            rows = [self._row(identity, one) for identity, one in news.items()]
            await connection.execute(self._adding, rows)

    def _row(self, identity: UUID, news: StoredNews) -> dict[str, Any]:
        row = {"sequence": news.sequence, "kind": news.kind, "data": news.data}
        return {self._owner.name: identity, **row}
