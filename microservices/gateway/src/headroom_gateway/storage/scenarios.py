"""Scenarios by the hash of their content."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, delete, exists, literal, or_, select, tuple_, update

from headroom_common.scenario.volume import expected_requests
from headroom_gateway.errors import ConflictError, NotFoundError
from headroom_gateway.representations import Scenario, ScenarioSummary
from headroom_gateway.storage.inserts import add_all_unless_there, add_unless_there
from headroom_gateway.storage.schema import experiments, runs, scenarios
from headroom_gateway.storage.times import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_common.scenario.loading import LoadedScenario
    from headroom_gateway.domain.cursors import Place
    from headroom_gateway.storage.database import Database

_SUMMARY: Final = tuple(
    scenarios.c[name]
    for name in ("id", "name", "description", "created_at_us", "created_by", "requests_per_trial")
)

_THIS: Final = scenarios.c.id == bindparam("scenario_id")
_ONE: Final = select(scenarios).where(_THIS)  # made once, as in runs
_USED: Final = or_(
    exists().where(runs.c.scenario_id == scenarios.c.id),
    exists().where(experiments.c.scenario_id == scenarios.c.id),
)
_FACTS: Final = select(
    scenarios.c.id, scenarios.c.name, scenarios.c.horizon_ns, scenarios.c.requests_per_trial
).where(_THIS)


@dataclass(frozen=True, slots=True)
class NewScenario:
    """A checked scenario, ready to be stored.

    Attributes:
        id: SHA-256 of its canonical JSON.
        row: its row but for when and by whom it was stored.
    """

    id: str
    row: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """The scenario, canonical."""
        document: dict[str, Any] = json.loads(zlib.decompress(self.row["document"]))
        return document

    @classmethod
    def of(cls, loaded: LoadedScenario) -> NewScenario:
        """Return what is stored of a scenario; takes milliseconds for a large one."""
        scenario = loaded.scenario
        document = scenario.canonical()
        text = _canonical_json(document)
        identity = sha256(text).hexdigest()
        row = {
            "id": identity,
            "name": scenario.metadata.name,
            "description": scenario.metadata.description.replace("\0", ""),  # PostgreSQL keeps none in texts
            "content_hash": scenario.content_hash(),
            "horizon_ns": scenario.spec.horizon,
            "requests_per_trial": expected_requests(scenario),
            "warnings": json.dumps(loaded.warnings, ensure_ascii=False),
            "document": zlib.compress(text),
        }
        return cls(identity, row)


def _canonical_json(document: dict[str, Any]) -> bytes:
    # In the schema's order of keys, which is how the result shows it; equal scenarios have equal orders.
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def document_of(row: Row[Any]) -> dict[str, Any]:
    """Return the document of a scenario's row."""
    document: dict[str, Any] = json.loads(zlib.decompress(row.document))
    return document


class Scenarios:
    """The stored scenarios.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new: NewScenario, by: str, now: datetime) -> bool:
        """Store a scenario; tell whether it is new.

        Raises:
            TransientError: the database failed.
        """
        async with self._database.transaction() as connection:
            return await self.put(connection, new, by, now)

    async def put(self, connection: AsyncConnection, new: NewScenario, by: str, now: datetime) -> bool:
        """Store a scenario within a transaction; tell whether it is new."""
        when = {"created_at_us": to_us(now), "created_by": by}
        if await add_unless_there(connection, scenarios, new.row | when):
            return True
        # What is there may be the point of an experiment, which is new to everybody but that.
        unlisted = update(scenarios).where(scenarios.c.id == new.id, ~scenarios.c.listed)
        return bool((await connection.execute(unlisted.values(listed=True, **when))).rowcount)

    async def put_unlisted(
        self, connection: AsyncConnection, new: Iterable[NewScenario], by: str, now: datetime
    ) -> None:
        """Store scenarios of an experiment's points within a transaction; they go with its runs."""
        rest = {"created_at_us": to_us(now), "created_by": by, "listed": False}
        await add_all_unless_there(connection, scenarios, [one.row | rest for one in new])

    async def remove_unlisted(self, connection: AsyncConnection, identities: Sequence[str]) -> None:
        """Remove those of these scenarios that no list shows and nothing uses, within a transaction."""
        unlisted = and_(scenarios.c.id.in_(identities), ~scenarios.c.listed, ~_USED)
        await connection.execute(delete(scenarios).where(unlisted))

    async def row(self, identity: str) -> Row[Any]:
        """Return a scenario's row.

        Raises:
            NotFoundError: there is none with this id.
            TransientError: the database failed.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(_ONE, {"scenario_id": identity})).first()
        if row is None:
            raise _unknown(identity)
        return row

    async def facts(self, identity: str) -> Mapping[str, Any]:
        """Return what a run has to know of its scenario: id, name, horizon and expected requests.

        Raises:
            NotFoundError: there is none with this id.
            TransientError: the database failed.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(_FACTS, {"scenario_id": identity})).mappings().first()
        if row is None:
            raise _unknown(identity)
        return dict(row)

    async def get(self, identity: str) -> Scenario:
        """Return a scenario.

        Raises:
            NotFoundError: there is none with this id.
            TransientError: the database failed.
        """
        row = await self.row(identity)
        return Scenario(
            **_summary(row).__dict__, warnings=json.loads(row.warnings), document=document_of(row)
        )

    async def page(self, after: Place | None, limit: int) -> Sequence[ScenarioSummary]:
        """Return up to so many scenarios, newest first.

        Args:
            after: the last one of the page before; None for the first page.
            limit: how many.

        Raises:
            TransientError: the database failed.
        """
        key = tuple_(scenarios.c.created_at_us, scenarios.c.id)
        newest = (scenarios.c.created_at_us.desc(), scenarios.c.id.desc())
        query = select(*_SUMMARY).where(scenarios.c.listed).order_by(*newest)
        if after is not None:
            query = query.where(key < tuple_(literal(after.created_at_us), literal(after.identity)))
        async with self._database.reading() as connection:
            rows = await connection.execute(query.limit(limit))
        return [_summary(row) for row in rows]

    async def delete(self, identity: str) -> None:
        """Remove a scenario that no run and no experiment uses.

        Raises:
            NotFoundError: there is none with this id.
            ConflictError: something uses it.
            TransientError: the database failed.
        """
        async with self._database.transaction() as connection:
            found = await connection.execute(delete(scenarios).where(scenarios.c.id == identity, ~_USED))
            if found.rowcount:
                return
        await self.row(identity)
        message = f"scenario {identity}: expected one that nothing uses, found runs or experiments of it"
        raise ConflictError(message, next_step="Delete these first.")


def _summary(row: Row[Any]) -> ScenarioSummary:
    return ScenarioSummary(
        id=row.id,
        name=row.name,
        description=row.description,
        created_at=from_us(row.created_at_us),
        created_by=row.created_by,
        requests_per_trial=row.requests_per_trial,
    )


def _unknown(identity: str) -> NotFoundError:
    message = f"scenario: expected the id of a stored scenario, found {identity}"
    return NotFoundError(message, next_step="List the scenarios with GET /api/v1/scenarios.")
