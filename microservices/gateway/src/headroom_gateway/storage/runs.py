"""Runs and their news: every change of a run is one row of news with the next number, in one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, delete, exists, func, insert, literal, select, tuple_, update

from headroom_gateway.domain.lives import ACTIVE, Change, Life, Message, News, Progressed, RunState, change
from headroom_gateway.errors import ConflictError, NoResultError, NotFoundError
from headroom_gateway.representations import Run, RunEvent
from headroom_gateway.run_metrics import RunMetrics
from headroom_gateway.storage.inserts import add_all_unless_there, add_unless_there
from headroom_gateway.storage.news import PROGRESS, NewsStore, StoredNews
from headroom_gateway.storage.run_rows import as_run, stored_seed
from headroom_gateway.storage.schema import experiments, outbox, results, run_events, runs
from headroom_gateway.storage.times import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_gateway.domain.cursors import Place
    from headroom_gateway.storage.database import Database

_WHOLE: Final = select(
    runs,
    results.c.size.label("result_size"),
    results.c.verdict.label("result_verdict"),
    results.c.trials.label("result_trials"),
    results.c.partial.label("result_partial"),
).join_from(runs, results, runs.c.result_hash == results.c.hash, isouter=True)
# Making a statement takes as long as having it executed: those of every request are made once.
_ONE: Final = _WHOLE.where(runs.c.id == bindparam("run_id"))
_LOCKED: Final = select(runs).where(runs.c.id == bindparam("run_id")).with_for_update()
_ADD: Final = insert(runs)
_COUNT_ACTIVE: Final = select(
    select(func.count())
    .where(
        runs.c.ended_at_us.is_(None),
        runs.c.created_by == bindparam("created_by"),
        runs.c.experiment_id.is_(None),
    )
    .scalar_subquery()
    + select(func.count())
    .where(experiments.c.ended_at_us.is_(None), experiments.c.created_by == bindparam("created_by"))
    .scalar_subquery()
)
_LIFE: Final = tuple(field.name for field in fields(Life))


@dataclass(frozen=True, slots=True)
class Filters:
    """Which runs a list shows; None takes all, but for those of experiments.

    Attributes:
        state: those in this state.
        scenario_id: those of this scenario.
        created_by: those of this caller.
        created_after: those that were accepted after this.
        created_before: those that were accepted before this.
        experiment_id: those of this experiment.
    """

    state: RunState | None = None
    scenario_id: str | None = None
    created_by: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    experiment_id: UUID | None = None


class Runs(NewsStore):
    """The stored runs and their news.

    Args:
        database: where they are.

    Attributes:
        metrics: is told of what changed, once that is committed.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database, runs, run_events.c.run_id)
        self.metrics = RunMetrics()

    async def get(self, run_id: UUID) -> Run:
        """Return a run.

        Raises:
            NotFoundError: there is none with this id.
            TransientError: the database failed.
        """
        async with self._database.reading() as connection:
            found = await _rows(connection, _ONE, run_id=run_id)
        if not found:
            raise _unknown(run_id)
        return as_run(found[0])

    async def page(self, filters: Filters, after: Place | None, limit: int) -> Sequence[Run]:
        """Return up to so many runs, newest first.

        Args:
            filters: which ones.
            after: the last one of the page before; None for the first page.
            limit: how many.

        Raises:
            TransientError: the database failed.
        """
        query = _WHOLE.order_by(runs.c.created_at_us.desc(), runs.c.id.desc()).limit(limit)
        equal = {
            runs.c.state: filters.state,
            runs.c.scenario_id: filters.scenario_id,
            runs.c.created_by: filters.created_by,
        }
        query = query.where(*(column == value for column, value in equal.items() if value is not None))
        query = query.where(runs.c.experiment_id == filters.experiment_id)  # "is null" for None
        if filters.created_after is not None:
            query = query.where(runs.c.created_at_us > to_us(filters.created_after))
        if filters.created_before is not None:
            query = query.where(runs.c.created_at_us < to_us(filters.created_before))
        if after is not None:
            place = tuple_(literal(after.created_at_us), literal(UUID(after.identity), Uuid))
            query = query.where(tuple_(runs.c.created_at_us, runs.c.id) < place)
        async with self._database.reading() as connection:
            found = await _rows(connection, query)
        return [as_run(row) for row in found]

    async def put(
        self, connection: AsyncConnection, row: Mapping[str, Any], result: Mapping[str, Any] | None
    ) -> Run:
        """Store a new run within a transaction.

        Args:
            connection: in a transaction.
            row: its row, but for what its first news say.
            result: the stored result that answers it at once; None when it has to be simulated.
        """
        whole = _new_row(row, result)
        await connection.execute(_ADD, whole)
        run = as_run(whole | _about(result))
        await self._tell(connection, run.id, _news(run, whole, "state"))
        return run

    async def put_wanted(
        self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]
    ) -> Sequence[Run]:
        """Store runs that an experiment wants within a transaction, unless they are there.

        Args:
            connection: in a transaction.
            rows: their rows, as of `put`.

        Returns:
            Those that were not there.
        """
        whole = [_new_row(row, None) for row in rows]
        added = await add_all_unless_there(connection, runs, whole)
        new = [(as_run(row | _about(None)), row) for row in whole if row["id"] in added]
        await self._tell_all(connection, {run.id: _news(run, row, "state") for run, row in new})
        return [run for run, _ in new]

    async def change(
        self, connection: AsyncConnection, run_id: UUID, news: News, now: datetime
    ) -> Run | None:
        """Let news change a run within a transaction; return it as it is then, None when nothing changed.

        What the other services have to be told is in the outbox when the transaction is committed.
        """
        found = await _rows(connection, _LOCKED, run_id=run_id)
        if not found:
            return None
        (row,) = found
        life = Life(**{name: row[name] for name in _LIFE} | {"state": RunState(row["state"])})
        changed = change(life, news)
        if changed is None:
            return None
        values = _changed_columns(changed, row, to_us(now))
        await connection.execute(update(runs).where(runs.c.id == run_id).values(values))
        (whole,) = await _rows(connection, _ONE, run_id=run_id)
        run = as_run(whole)
        kind = PROGRESS if isinstance(news, Progressed) else "state"
        await self._tell(connection, run_id, _news(run, whole, kind))
        if changed.message is not None:
            await self.send(connection, run_id, changed.message, now)
        return run

    async def send(self, connection: AsyncConnection, run_id: UUID, kind: Message, now: datetime) -> None:
        """Have the other services told, once the transaction is committed."""
        row = {"run_id": run_id, "kind": kind, "created_at_us": to_us(now), "leased_until_us": 0}
        await add_unless_there(connection, outbox, row)

    async def delete(self, run_id: UUID, now: datetime) -> None:
        """Remove a run that has ended, and its result unless another run has the same.

        Raises:
            NotFoundError: there is none with this id.
            ConflictError: it is under way, or one of an experiment.
            TransientError: the database failed.
        """
        async with self._database.transaction() as connection:
            ended = and_(runs.c.id == run_id, runs.c.ended_at_us.is_not(None), runs.c.experiment_id.is_(None))
            removal = delete(runs).where(ended).returning(runs.c.result_hash)
            removed = (await connection.execute(removal)).first()
            if removed is not None:
                used = exists().where(runs.c.result_hash == results.c.hash)
                unused = and_(results.c.hash == removed.result_hash, ~used)
                await connection.execute(delete(results).where(unused))
                await self.send(connection, run_id, Message.DELETED, now)
                return
        run = await self.get(run_id)
        require_alone(run)
        message = f"run {run_id}: expected one that has ended, found it {run.state}"
        raise ConflictError(message, next_step="Cancel it first, and delete it once it is cancelled.")

    async def count_active(self, connection: AsyncConnection, created_by: str) -> int:
        """Return how many runs of a caller have not ended; an experiment counts as one, its runs do not."""
        found: int = (await connection.execute(_COUNT_ACTIVE, {"created_by": created_by})).scalar_one()
        return found

    async def simulated(self, run_id: UUID) -> UUID:
        """Return the run whose simulation gave a run its result: itself, or the equal one before it.

        Raises:
            NotFoundError: there is none with this id.
            NoResultError: it has not completed, or the run that was simulated is gone.
            TransientError: the database failed.
        """
        run = await self.get(run_id)
        if run.result is None or run.result.partial:
            message = f"run {run_id}: expected a completed one, found it {run.state}"
            raise NoResultError(message, next_step="Only completed runs can be compared.")
        if not run.result.cached:
            return run_id
        query = select(runs.c.id).where(runs.c.result_hash == run.result.hash, ~runs.c.cached).limit(1)
        async with self._database.reading() as connection:
            found: UUID | None = (await connection.execute(query)).scalar()
        if found is None:
            message = f"run {run_id}: expected its trials, found that they were removed with an equal run"
            raise NoResultError(message, next_step="Clone it with Cache-Control: no-cache, and compare that.")
        return found


async def _rows(connection: AsyncConnection, query: Select[Any], **values: object) -> list[dict[str, Any]]:
    return [dict(row) for row in (await connection.execute(query, values)).mappings()]


def _new_row(row: Mapping[str, Any], result: Mapping[str, Any] | None) -> dict[str, Any]:
    cached = result is not None
    first = {
        "seed": stored_seed(row["seed"]),
        "sequence": 1,
        "cached": cached,
        "state": RunState.COMPLETED if cached else RunState.QUEUED,
        "ended_at_us": row["created_at_us"] if cached else None,
        "result_hash": result["hash"] if result is not None else None,
        "trials_done": row["trials"] if cached else None,
        "changed_at_us": row["created_at_us"],
    }
    return dict.fromkeys(runs.c.keys()) | dict(row) | first


def _changed_columns(changed: Change, row: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    life = changed.life
    values = asdict(life) | {"sequence": row["sequence"] + 1, "changed_at_us": now_us}
    if row["started_at_us"] is None and life.state is RunState.RUNNING:
        values["started_at_us"] = now_us
    if row["ended_at_us"] is None and life.state not in ACTIVE:
        values["ended_at_us"] = now_us
    return values


def _news(run: Run, row: Mapping[str, Any], kind: str) -> StoredNews:
    told = RunEvent(
        run_id=run.id,
        sequence=row["sequence"],
        at=from_us(row["changed_at_us"]),
        state=run.state,
        progress=run.progress,
        failure=run.failure,
        result=run.result,
    )
    return StoredNews(told.sequence, kind, told.model_dump_json(exclude_none=True))


def _about(result: Mapping[str, Any] | None) -> dict[str, Any]:
    names = ("size", "verdict", "trials", "partial")
    return {f"result_{name}": None if result is None else result[name] for name in names}


def require_alone(run: Run) -> None:
    """Refuse a run of an experiment, which begins and ends with it.

    Raises:
        ConflictError: it is one.
    """
    if run.experiment_id is not None:
        message = f"run {run.id}: expected one of its own, found one of experiment {run.experiment_id}"
        raise ConflictError(message, next_step="Cancel or delete the experiment.")


def _unknown(run_id: UUID) -> NotFoundError:
    message = f"run: expected the id of a run, found {run_id}"
    return NotFoundError(message, next_step="List the runs with GET /api/v1/runs.")
