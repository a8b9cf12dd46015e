"""The store of partial statistics in PostgreSQL or SQLite: one transaction per part, for many instances."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import select

from headroom_analysis.plans import plan_of
from headroom_analysis.storage import statements as sql
from headroom_analysis.storage.addition import Addition, add_run, summaries_of
from headroom_analysis.storage.blobs import decode_totals
from headroom_analysis.storage.engine import MIGRATIONS, open_engine, transaction
from headroom_analysis.storage.stopping import stop_run
from headroom_analysis.store import KeptTrials
from headroom_common.contracts.events import RunParameters
from headroom_common.database.migrations import Migrated, check_tables, upgrade
from headroom_common.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy import Engine

    from headroom_analysis.domain.partials import Partial
    from headroom_analysis.plans import RunPlan
    from headroom_analysis.store import Standing, Stopped
    from headroom_common.contracts.events import CompletedHeader

MERGE_BYTES: Final = 1 << 20
"""The parts of a trial are merged when they outweigh what was merged before, and this many bytes."""

_LARGEST: Final = (1 << 63) - 1


def open_store(url: str, *, connections: int = 4) -> SqlStore:
    """Return the store in a database, whose tables are made or brought up to date first.

    Args:
        url: ``postgresql+psycopg://user:password@host:port/database`` or ``sqlite:///path``.
        connections: most connections at once; as many as threads call the store.

    Raises:
        PermanentError: the URL is of neither form.
        TransientError: the database is not there, or failed.
    """
    store = SqlStore(open_engine(url, connections=connections))
    try:
        store.prepare()
    except BaseException:
        store.close()
        raise
    return store


class SqlStore:
    """Partials in a database; safe to call from several threads, processes and machines.

    Whatever `add` has returned is committed: killing the process or the database at any instant loses nothing
    that was reported and counts nothing twice.

    Args:
        engine: connections to a database; it has the newest tables once `prepare` was called.
        merge_bytes: see `MERGE_BYTES`.
        clock: seconds since 1970; tells the age of runs and nothing else.
    """

    def __init__(
        self, engine: Engine, *, merge_bytes: int = MERGE_BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._merge_bytes = merge_bytes
        self._clock = clock

    def prepare(self) -> Migrated:
        """Make the tables, or bring them up to date.

        Raises:
            TransientError: the database is not there, or failed.
        """
        with transaction(self._engine) as connection:
            return upgrade(connection, MIGRATIONS)

    def check_tables(self) -> None:
        """Return if the tables are up to date.

        Raises:
            TransientError: they are not, or the database is not there, or failed.
        """
        with transaction(self._engine) as connection:
            check_tables(connection, MIGRATIONS)

    def check(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            TransientError: it gave none.
        """
        with transaction(self._engine) as connection:
            connection.execute(select(1))

    def add(self, header: CompletedHeader, plan: RunPlan, partial: Partial) -> Standing | None:
        """Add one part; see `PartialStore.add`.

        Raises:
            PermanentError: the part contradicts another part of its trial, or stored statistics are damaged.
            TransientError: the database failed or is busy; adding the part again is safe.
        """
        largest = max(header.trial, header.segment, header.parts)
        if largest > _LARGEST:
            message = f"{header.subject}: expected numbers up to {_LARGEST}, found {largest}"
            raise PermanentError(message, next_step="Mend the producer of requests.completed.")
        with transaction(self._engine) as connection:
            addition = Addition(connection, header, plan, now=int(self._clock()))
            return addition.run(partial, merge_bytes=self._merge_bytes)

    def stop(self, run_id: UUID) -> Stopped | None:
        """End a run that was cancelled; see `PartialStore.stop`.

        Raises:
            PermanentError: stored statistics are damaged.
            TransientError: the database failed or is busy; stopping the run again is safe.
        """
        with transaction(self._engine) as connection:
            stopped = stop_run(connection, run_id, int(self._clock()))
        if stopped is not None:
            self._forget_trials(run_id)
        return stopped

    def discard(self, run_id: UUID) -> None:
        """Forget everything of a run, and whatever of it comes later.

        Raises:
            TransientError: the database failed or is busy.
        """
        now = int(self._clock())
        with transaction(self._engine) as connection:
            add_run(connection, run_id, now)
            connection.execute(sql.DISCARD_RUN, {"of_run": run_id, "changed_at": now})
        self._forget_trials(run_id)

    def trials(self, run_id: UUID) -> KeptTrials | None:
        """Return the trials of a finished run; see `PartialStore.trials`.

        Raises:
            PermanentError: stored statistics are damaged.
            TransientError: the database failed or is busy.
        """
        with transaction(self._engine) as connection:
            document = connection.execute(sql.RESULT_OF_FINISHED, {"of_run": run_id}).scalar()
            if document is None:
                return None
            summaries = summaries_of(connection, run_id)
            totals = connection.execute(sql.TOTALS, {"of_run": run_id}).scalar_one()
        result = json.loads(document)
        told = {key: result[key] for key in ("scenario", "scenario_hash", "seed", "trials", "confidence")}
        plan = plan_of(RunParameters(run_id=run_id, **told))
        return KeptTrials(plan, summaries, decode_totals(totals, plan.layout), result["verdict"])

    def result(self, run_id: UUID) -> bytes | None:
        """Return the result document of an ended run as canonical JSON in UTF-8, None when there is none.

        Raises:
            TransientError: the database failed or is busy.
        """
        with transaction(self._engine) as connection:
            document: bytes | None = connection.execute(sql.RESULT, {"of_run": run_id}).scalar()
        return document

    def remove_older_than(self, age: float) -> int:
        """Remove everything of the runs that did not change for so many seconds; tell how many they were.

        A run changes when it begins, when a trial of it is complete, when it is finished and when it is
        discarded. An event of a removed run begins it anew, so the age must be longer than events may lie in
        queues.

        Raises:
            TransientError: the database failed or is busy.
        """
        before, removed = {"before": int(self._clock() - age)}, 0
        while True:  # in steps that no statement's time limit cuts
            with transaction(self._engine) as connection:
                found = connection.execute(sql.DELETE_OLD_RUNS, before).rowcount
            removed += found
            if found < sql.REMOVED_AT_ONCE:
                return removed

    def _forget_trials(self, run_id: UUID) -> None:
        """Remove an unwanted run's trials, alone: who adds a part holds its trial and waits for the run."""
        with transaction(self._engine) as connection:
            connection.execute(sql.FORGET_TRIALS, {"of_run": run_id})

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
