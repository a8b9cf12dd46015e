"""The statements of the store, built once; `run_id`, `trial` and so on are their parameters.

Locks are taken in one order, trial before run, by everybody, so that there are no deadlocks: who adds a part
holds its trial's row, who completes a trial takes the run's row last. `NO KEY UPDATE` lets others add trials
to a locked run. SQLite ignores row locks: there, a transaction holds the whole database from its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from headroom_analysis.storage.schema import DISCARDED, FINISHED, parts, runs, trials

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import BindParameter, ColumnElement, Connection, Table

_RUN: Final[BindParameter[UUID]] = bindparam("of_run")
_TRIAL: Final[BindParameter[int]] = bindparam("of_trial")
_THIS_TRIAL: Final = and_(trials.c.run_id == _RUN, trials.c.trial == _TRIAL)
_ITS_PARTS: Final = and_(parts.c.run_id == _RUN, parts.c.trial == _TRIAL)
_IN_FLIGHT: Final = and_(trials.c.run_id == _RUN, trials.c.completed_segment.is_(None))


def _set(table: Table, *names: str) -> dict[str, Any]:
    """Return parameters for columns of a table, named like them."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


def _in_flight(column: ColumnElement[int]) -> Any:  # noqa: ANN401 - SQLAlchemy's own type is private
    return select(func.coalesce(func.sum(column), 0)).where(_IN_FLIGHT).scalar_subquery()


RUN_STATE: Final = select(runs.c.state).where(runs.c.run_id == _RUN)
LOCK_RUN: Final = (
    select(runs.c.state, runs.c.trials_done, runs.c.requests, runs.c.totals)
    .where(runs.c.run_id == _RUN)
    .with_for_update(key_share=True)
)
LOCK_WHOLE_RUN: Final = LOCK_RUN.add_columns(runs.c.parameters, runs.c.result)
UPDATE_RUN: Final = (
    update(runs)
    .where(runs.c.run_id == _RUN)
    .values(_set(runs, "state", "trials_done", "requests", "last_trial", "changed_at", "totals"))
)
FINISH_RUN: Final = UPDATE_RUN.values(parameters=None, **_set(runs, "result"))
STOP_RUN: Final = (
    update(runs)
    .where(runs.c.run_id == _RUN)
    .values(state=DISCARDED, totals=None, parameters=None, **_set(runs, "result", "changed_at"))
)
DISCARD_RUN: Final = STOP_RUN.values(trials_done=0, result=None)
TOTALS: Final = select(runs.c.totals).where(runs.c.run_id == _RUN)
RESULT_OF_FINISHED: Final = select(runs.c.result).where(runs.c.run_id == _RUN, runs.c.state == FINISHED)
RESULT: Final = select(runs.c.result).where(runs.c.run_id == _RUN)
REMOVED_AT_ONCE: Final = 100
_OLD: Final = runs.c.changed_at < bindparam("before")
DELETE_OLD_RUNS: Final = delete(runs).where(
    runs.c.run_id.in_(select(runs.c.run_id).where(_OLD).order_by(runs.c.changed_at).limit(REMOVED_AT_ONCE)),
    _OLD,  # again: a run may change until its turn comes
)

STANDING: Final = select(
    runs.c.state,
    runs.c.trials_done,
    runs.c.last_trial,
    (runs.c.requests + _in_flight(trials.c.requests)).label("requests"),
    _in_flight(trials.c.watermark_ns).label("watermarks_ns"),
).where(runs.c.run_id == _RUN)

LOCK_TRIAL: Final = (
    select(*(column for column in trials.c if column is not trials.c.summary))
    .where(_THIS_TRIAL)
    .with_for_update()
)
UPDATE_TRIAL: Final = (
    update(trials)
    .where(_THIS_TRIAL)
    .values(
        _set(
            trials,
            *("requests", "watermark_ns", "final_segment", "last_segment", "full_segments"),
            *("merged_bytes", "loose_bytes", "completed_segment", "completed_part", "summary"),
        )
    )
)
SUMMARIES: Final = (
    select(trials.c.summary)
    .where(trials.c.run_id == _RUN, trials.c.summary.is_not(None))
    .order_by(trials.c.trial)
)

PARTS_OF_SEGMENT: Final = select(parts.c.part, parts.c.parts).where(
    _ITS_PARTS, parts.c.segment == bindparam("of_segment")
)
ADD_PART: Final = insert(parts)
STATISTICS: Final = select(parts.c.statistics).where(_ITS_PARTS, parts.c.statistics.is_not(None))
EMPTY_PARTS: Final = update(parts).where(_ITS_PARTS, parts.c.statistics.is_not(None)).values(statistics=None)
DELETE_PARTS: Final = delete(parts).where(_ITS_PARTS)

FORGET_TRIALS: Final = delete(trials).where(trials.c.run_id == _RUN)


def add_unless_there(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row unless one with its key is there or about to be; tell whether it was inserted."""
    insertion = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return connection.execute(insertion(table).on_conflict_do_nothing(), values).rowcount == 1
