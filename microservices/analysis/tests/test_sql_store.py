"""What only a store in a database does: results, retention, merging, several instances, failures."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from analysis_testing.adding import ROWS, Place, Run, document_of, figures
from headroom_servers.processes import free_port
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select, update

from headroom_analysis.storage import SqlStore, engine, open_engine, open_store
from headroom_analysis.storage.engine import transaction
from headroom_analysis.storage.schema import parts, runs, trials
from headroom_analysis.store import MemoryStore
from headroom_common.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Table


@pytest.fixture(scope="module")
def store(database: str) -> Iterator[SqlStore]:
    with open_store(database) as kept:
        yield kept


def rows(store: SqlStore, table: Table, run: Run) -> int:
    """How many rows of a table belong to a run."""
    query = select(func.count()).select_from(table).where(table.c.run_id == run.parameters.run_id)
    with transaction(store._engine) as connection:
        return int(connection.execute(query).scalar_one())


def finish(store: SqlStore, run: Run) -> dict[str, object]:
    """Add all of a run of one part per trial and return its result document."""
    standings = [run.add(store, (trial, 0, 0), trial, segments=1) for trial in range(run.parameters.trials)]
    finished = standings[-1].finished
    assert finished is not None
    return document_of(finished, run)


def test_the_result_of_a_finished_run_is_kept(store: SqlStore) -> None:
    run = Run(2)
    assert store.result(run.parameters.run_id) is None
    run.add(store, (0, 0, 0), segments=1)
    assert store.result(run.parameters.run_id) is None
    expected = finish(store, run)
    found = store.result(run.parameters.run_id)
    assert found is not None
    assert json.loads(found) == json.loads(json.dumps(expected))
    store.discard(run.parameters.run_id)
    assert store.result(run.parameters.run_id) is None


def test_a_stopped_run_keeps_its_result_alone(store: SqlStore) -> None:
    run = Run(2)
    for place in ((0, 0, 0), (0, 1, 0), (1, 0, 0)):
        run.add(store, place)
    stopped = store.stop(run.parameters.run_id)
    assert stopped is not None
    assert [rows(store, table, run) for table in (parts, trials, runs)] == [0, 0, 1]
    with transaction(store._engine) as connection:
        own = select(runs).where(runs.c.run_id == run.parameters.run_id)
        row = connection.execute(own).one()
    assert (row.totals, row.parameters, row.state, row.trials_done) == (None, None, "discarded", 1)
    assert json.loads(row.result) == stopped.result
    assert store.result(run.parameters.run_id) == row.result


def test_equal_runs_give_equal_bytes_in_any_order_of_trials(store: SqlStore) -> None:
    found = set()
    for order in ((0, 1, 2), (2, 0, 1)):
        run = Run(3)
        for trial in order:
            run.add(store, (trial, 0, 0), trial, segments=1)
        found.add(store.result(run.parameters.run_id))
    assert len(found) == 1


def test_a_complete_trial_keeps_no_parts(store: SqlStore) -> None:
    run = Run(2)
    for place in ((0, 0, 0), (1, 0, 0)):
        run.add(store, place)
    assert rows(store, parts, run) == 2
    run.add(store, (0, 1, 0))
    assert rows(store, parts, run) == 1
    run.add(store, (1, 1, 0))
    assert [rows(store, table, run) for table in (parts, trials, runs)] == [0, 2, 1]
    store.discard(run.parameters.run_id)
    assert [rows(store, table, run) for table in (parts, trials, runs)] == [0, 0, 1]


@pytest.mark.parametrize("merge_bytes", [0, 1 << 14])
def test_parts_of_a_long_trial_are_merged_on_the_way(store: SqlStore, merge_bytes: int) -> None:
    merging = SqlStore(store._engine, merge_bytes=merge_bytes)
    run, memory, segments = Run(1), MemoryStore(), 60
    sizes = []
    query = select(func.sum(func.length(parts.c.statistics)))
    for segment in range(segments):
        standing = run.add(merging, (0, segment, 0), segment % 7, segments=segments)
        expected = run.add(memory, (0, segment, 0), segment % 7, segments=segments)
        with transaction(store._engine) as connection:
            own = parts.c.run_id == run.parameters.run_id
            sizes.append(connection.execute(query.where(own)).scalar() or 0)
        assert run.add(merging, (0, segment, 0), segment % 7, segments=segments).requests == expected.requests
    assert max(sizes[segments // 2 :]) <= 1.2 * max(sizes[: segments // 2])
    assert standing.finished is not None
    assert expected.finished is not None
    assert document_of(standing.finished, run) == document_of(expected.finished, run)


def test_old_runs_are_removed(store: SqlStore) -> None:
    now = 1_000_000.0
    aged = SqlStore(store._engine, clock=lambda: now)
    with transaction(store._engine) as connection:
        connection.execute(runs.delete())
    finished, unwanted, going = Run(1), Run(1), Run(2)
    finish(aged, finished)
    aged.discard(unwanted.parameters.run_id)
    going.add(aged, (0, 0, 0))
    now += 50
    going.add(aged, (0, 1, 0))  # completes a trial
    now += 51
    assert aged.remove_older_than(100) == 2
    assert aged.result(finished.parameters.run_id) is None
    assert [rows(store, table, finished) for table in (runs, trials)] == [0, 0]
    assert unwanted.try_to_add(store, (0, 0, 0)) is not None  # nobody remembers it
    now += 50
    assert aged.remove_older_than(100) == 1
    assert rows(store, parts, going) == rows(store, trials, going) == 0


def test_damaged_statistics_are_reported(store: SqlStore) -> None:
    run = Run(1)
    run.add(store, (0, 0, 0))
    with transaction(store._engine) as connection:
        own = parts.c.run_id == run.parameters.run_id
        connection.execute(update(parts).where(own).values(statistics=b"\x80\x04N."))
    with pytest.raises(PermanentError, match="stored statistics are damaged") as caught:
        run.add(store, (0, 1, 0))
    assert caught.value.next_step


def test_numbers_that_no_column_holds_are_refused(store: SqlStore) -> None:
    with pytest.raises(PermanentError, match="expected numbers up to 9223372036854775807"):
        Run(1).add(store, (0, 2**63, 0))


class CrashError(BaseException):
    """The process ends here, as far as the database can tell."""


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_crash_of_any_instance_changes_nothing(store: SqlStore, data: st.DataObject) -> None:
    places = [(trial, segment, part) for trial in range(2) for segment in range(2) for part in range(2)]
    order: list[Place] = data.draw(st.permutations(places + data.draw(st.lists(st.sampled_from(places)))))
    crashes: list[int] = data.draw(st.lists(st.integers(0, 16), min_size=len(order), max_size=len(order)))
    instances = [SqlStore(store._engine), SqlStore(store._engine, merge_bytes=0)]
    run, memory = Run(), MemoryStore()
    again: list[Place] = []
    for place, crash in zip(order, crashes, strict=True):
        instance = data.draw(st.sampled_from(instances))
        if crashed(instance, run, place, crash):
            again.append(place)
    documents = []
    for place in (*again, *places):  # what was not confirmed comes again, and then all once more
        standing = run.add(instances[0], place, sum(place), parts=2)
        if standing.finished is not None:
            documents.append((document_of(standing.finished, run), figures(standing.finished)))
    for place in places:
        expected = run.add(memory, place, sum(place), parts=2)
    assert expected.finished is not None
    wanted = (document_of(expected.finished, run), figures(expected.finished))
    assert documents
    assert all(document == wanted for document in documents)
    completing = [run.add(store, place, sum(place), parts=2) for place in places]
    assert sum(one.completed_trial for one in completing) == 2
    assert sum(one.finished is not None for one in completing) == 1
    assert {one.requests for one in completing} == {8 * ROWS}


def crashed(store: SqlStore, run: Run, place: Place, statement: int) -> bool:
    """Add a part; tell whether it crashed before the given statement, or before it was committed."""
    left = statement

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise CrashError

    event.listen(store._engine, "before_cursor_execute", count)
    event.listen(store._engine, "commit", count)
    try:
        run.add(store, place, sum(place), parts=2)
    except CrashError:
        return True
    finally:
        event.remove(store._engine, "before_cursor_execute", count)
        event.remove(store._engine, "commit", count)
    return False


def test_a_database_that_is_not_there_is_a_passing_failure() -> None:
    url = f"postgresql+psycopg://somebody:secret@127.0.0.1:{free_port()}/analysis"
    with pytest.raises(TransientError, match="the database: OperationalError: connection") as caught:
        open_store(url)
    assert caught.value.next_step
    assert "secret" not in str(caught.value)


def test_a_folder_that_is_not_there_is_told() -> None:
    with pytest.raises(TransientError, match="unable to open database file"):
        open_store("sqlite:////nowhere/analysis.db")


def test_a_locked_database_is_a_passing_failure(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WAIT_SECONDS", 0.05)
    url = new_database("sqlite")
    run = Run(1)
    with open_store(url) as store, closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match="database is locked"):
            run.add(store, (0, 0, 0))
        other.rollback()
        assert run.add(store, (0, 0, 0)).requests == ROWS


def test_threads_that_wait_too_long_for_a_connection_come_again(
    new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WAIT_SECONDS", 0.05)
    with (
        open_store(new_database("sqlite")) as store,
        transaction(store._engine),
        pytest.raises(TransientError, match="TimeoutError"),
    ):
        store.result(uuid4())


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mysql://me:secret@host/db", "mysql://"),
        ("postgresql+asyncpg://me:secret@host/db", "postgresql\\+asyncpg://"),
        ("me:secret@host", "something else"),
        ("", "something else"),
    ],
)
def test_other_databases_are_refused(url: str, found: str) -> None:
    with pytest.raises(
        PermanentError, match=rf"expected postgresql\+psycopg:// or .*, found {found}$"
    ) as caught:
        open_engine(url)
    assert "secret" not in str(caught.value)


def test_the_plain_name_of_postgresql_is_understood() -> None:
    assert open_engine("postgresql://host/db").driver == "psycopg"
