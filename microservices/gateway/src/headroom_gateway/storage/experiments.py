"""Experiments and their news: every change is one row of news with the next number, in one transaction."""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, delete, exists, func, insert, literal, select, tuple_, update

from headroom_common.result_format import published
from headroom_gateway.domain.experiments import Advanced, ExperimentNews, change_experiment
from headroom_gateway.domain.lives import ACTIVE, Message, RunState
from headroom_gateway.errors import ConflictError, NoResultError, NotFoundError
from headroom_gateway.experiment_metrics import ExperimentMetrics
from headroom_gateway.storage.experiment_rows import as_experiment, life_of, news_of
from headroom_gateway.storage.inserts import add_all_unless_there
from headroom_gateway.storage.news import PROGRESS, NewsStore
from headroom_gateway.storage.schema import (
    experiment_events,
    experiments,
    outbox,
    results,
    runs,
)
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_gateway.domain.cursors import Place
    from headroom_gateway.experiment_representations import Experiment, Kind
    from headroom_gateway.storage.database import Database
    from headroom_gateway.storage.scenarios import Scenarios

_TOLD: Final = tuple(column for column in experiments.c if column.name not in {"document", "other"})
_ONE: Final = select(*_TOLD).where(experiments.c.id == bindparam("experiment_id"))
_LOCKED: Final = _ONE.with_for_update()
_ADD: Final = insert(experiments)
_UNDER_WAY: Final = exists().where(runs.c.experiment_id == experiments.c.id, runs.c.state.in_(sorted(ACTIVE)))
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class ExperimentFilters:
    """Which experiments a list shows; None takes all.

    Attributes:
        state: those in this state.
        kind: those of this kind.
        scenario_id: those of this scenario.
        created_by: those of this caller.
        created_after: those that were accepted after this.
        created_before: those that were accepted before this.
    """

    state: RunState | None = None
    kind: Kind | None = None
    scenario_id: str | None = None
    created_by: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What an experiment found out, ready to be stored.

    Attributes:
        hash: SHA-256 of the document as it is published.
        size: bytes of the same.
        deflated: the same, deflated.
    """

    hash: str
    size: int
    deflated: bytes

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> NewDocument:
        """Return what is stored of a document; takes a while for a large one."""
        text = published(document)
        return cls(sha256(text).hexdigest(), len(text), zlib.compress(text))


class Experiments(NewsStore):
    """The stored experiments and their news.

    Args:
        database: where they are.
        scenarios: the stored scenarios.

    Attributes:
        metrics: is told of what changed, once that is committed.
    """

    def __init__(self, database: Database, scenarios: Scenarios) -> None:
        super().__init__(database, experiments, experiment_events.c.experiment_id)
        self._scenarios = scenarios
        self.metrics = ExperimentMetrics()

    async def get(self, experiment_id: UUID) -> Experiment:
        """Return an experiment.

        Raises:
            NotFoundError: there is none with this id.
            TransientError: the database failed.
        """
        async with self._database.reading() as connection:
            found = (await connection.execute(_ONE, {"experiment_id": experiment_id})).mappings().first()
        if found is None:
            raise _unknown(experiment_id)
        return as_experiment(dict(found))

    async def page(self, filters: ExperimentFilters, after: Place | None, limit: int) -> Sequence[Experiment]:
        """Return up to so many experiments, newest first.

        Args:
            filters: which ones.
            after: the last one of the page before; None for the first page.
            limit: how many.

        Raises:
            TransientError: the database failed.
        """
        own = experiments.c
        query = select(*_TOLD).order_by(own.created_at_us.desc(), own.id.desc()).limit(limit)
        for name in ("state", "kind", "scenario_id", "created_by"):
            value = getattr(filters, name)
            if value is not None:
                query = query.where(own[name] == value)
        if filters.created_after is not None:
            query = query.where(own.created_at_us > to_us(filters.created_after))
        if filters.created_before is not None:
            query = query.where(own.created_at_us < to_us(filters.created_before))
        if after is not None:
            place = tuple_(literal(after.created_at_us), literal(UUID(after.identity), Uuid))
            query = query.where(tuple_(own.created_at_us, own.id) < place)
        async with self._database.reading() as connection:
            return [as_experiment(dict(row)) for row in (await connection.execute(query)).mappings()]

    async def put(self, connection: AsyncConnection, row: Mapping[str, Any]) -> Experiment:
        """Store a new experiment within a transaction.

        Args:
            connection: in a transaction.
            row: its row, but for what its first news say.
        """
        first = {
            "state": RunState.QUEUED,
            "sequence": 1,
            "changed_at_us": row["created_at_us"],
            "requests_wanted": 0.0,
            "leased_until_us": 0,
            **dict.fromkeys(
                ("rounds", "points", "runs", "trials", "runs_done", "trials_done", "requests"), 0
            ),
        }
        whole = dict.fromkeys(experiments.c.keys()) | dict(row) | first
        await connection.execute(_ADD, whole)
        experiment = as_experiment(whole)
        await self._tell(connection, experiment.id, news_of(experiment, whole, "state"))
        return experiment

    async def change(
        self,
        connection: AsyncConnection,
        experiment_id: UUID,
        news: ExperimentNews,
        now: datetime,
        document: NewDocument | None = None,
    ) -> Experiment | None:
        """Let news change an experiment within a transaction; return it as it is then.

        Args:
            connection: in a transaction.
            experiment_id: which one.
            news: what happened.
            now: the time.
            document: what was found out, when that is the news.

        Returns:
            None when nothing changed.
        """
        found = await connection.execute(_LOCKED, {"experiment_id": experiment_id})
        row = next(map(dict, found.mappings()), None)
        changed = None if row is None else change_experiment(life_of(row), news)
        if row is None or changed is None:
            return None
        now_us = to_us(now)
        values = asdict(changed) | {"sequence": row["sequence"] + 1, "changed_at_us": now_us}
        if row["started_at_us"] is None and changed.state is RunState.RUNNING:
            values["started_at_us"] = now_us
        if changed.state not in ACTIVE:
            values["ended_at_us"] = now_us
        whole = row | values
        if document is not None:
            values |= {"document": document.deflated, "size": document.size}
            whole["size"] = document.size
        await connection.execute(update(experiments).where(experiments.c.id == experiment_id).values(values))
        experiment = as_experiment(whole)
        kind = PROGRESS if isinstance(news, Advanced) else "state"
        await self._tell(connection, experiment_id, news_of(experiment, whole, kind))
        return experiment

    async def note(
        self,
        experiment_id: UUID,
        news: ExperimentNews,
        now: datetime,
        document: NewDocument | None = None,
    ) -> Experiment | None:
        """Let news change an experiment in a transaction of their own; as `change`.

        Raises:
            TransientError: the database failed.
        """
        async with self._database.transaction() as connection:
            experiment = await self.change(connection, experiment_id, news, now, document)
        if experiment is not None:
            self.metrics.changed(experiment)
        return experiment

    async def document(self, experiment_id: UUID) -> tuple[str, bytes]:
        """Return the hash of what an experiment found out, and the document as it is published.

        Raises:
            NotFoundError: there is no such experiment.
            NoResultError: it has found nothing, or not yet.
            TransientError: the database failed.
        """
        query = select(experiments.c.state, experiments.c.document_hash, experiments.c.document)
        async with self._database.reading() as connection:
            row = (await connection.execute(query.where(experiments.c.id == experiment_id))).first()
        if row is None:
            raise _unknown(experiment_id)
        if row.document is None:
            message = f"experiment {experiment_id}: expected a completed one, found it {row.state}"
            next_step = (
                "Follow it with GET /api/v1/experiments/{id}/events." if RunState(row.state).active else ""
            )
            raise NoResultError(message, next_step=next_step)
        return row.document_hash, zlib.decompress(row.document)

    async def count_active(self, connection: AsyncConnection, created_by: str) -> int:
        """Return how many experiments of a caller have not ended."""
        query = select(func.count()).where(
            experiments.c.ended_at_us.is_(None), experiments.c.created_by == created_by
        )
        found: int = (await connection.execute(query)).scalar_one()
        return found

    async def delete(self, experiment_id: UUID, now: datetime) -> None:
        """Remove an experiment that has ended, with its runs, their results and the scenarios of its points.

        Raises:
            NotFoundError: there is none with this id.
            ConflictError: it, or one of its runs, is under way.
            TransientError: the database failed.
        """
        async with self._database.transaction() as connection:
            if await self.remove(connection, experiment_id, now):
                return
        experiment = await self.get(experiment_id)
        found = experiment.state if experiment.state.active else "runs of it that are being cancelled"
        message = f"experiment {experiment_id}: expected one that has ended, found {found}"
        raise ConflictError(
            message, next_step="Cancel it first, and delete it once it and its runs have ended."
        )

    async def remove(self, connection: AsyncConnection, experiment_id: UUID, now: datetime) -> bool:
        """Do so within a transaction; tell whether it was there and had ended."""
        ended = and_(experiments.c.id == experiment_id, experiments.c.ended_at_us.is_not(None), ~_UNDER_WAY)
        locked = select(experiments.c.scenario_id).where(ended).with_for_update(of=experiments)
        if (await connection.execute(locked)).first() is None:
            return False
        own = select(runs.c.id, runs.c.result_hash, runs.c.scenario_id).where(
            runs.c.experiment_id == experiment_id
        )
        its_runs = (await connection.execute(own)).all()
        await connection.execute(delete(experiments).where(experiments.c.id == experiment_id))
        told = {"kind": Message.DELETED, "created_at_us": to_us(now), "leased_until_us": 0}
        await add_all_unless_there(connection, outbox, [{"run_id": run.id, **told} for run in its_runs])
        used = exists().where(runs.c.result_hash == results.c.hash)
        for start in range(0, len(its_runs), _AT_ONCE):
            some = its_runs[start : start + _AT_ONCE]
            unused = and_(results.c.hash.in_([run.result_hash for run in some if run.result_hash]), ~used)
            await connection.execute(delete(results).where(unused))
            await self._scenarios.remove_unlisted(connection, sorted({run.scenario_id for run in some}))
        return True


def _unknown(experiment_id: UUID) -> NotFoundError:
    message = f"experiment: expected the id of an experiment, found {experiment_id}"
    return NotFoundError(message, next_step="List the experiments with GET /api/v1/experiments.")
