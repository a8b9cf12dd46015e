"""The tables through time: forward and back, by several instances at once, on both kinds of databases."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from gateway_testing.databases import DATABASES, sqlite_threads, sqlite_threads_ended
from sqlalchemy import column, func, inspect, select, text
from sqlalchemy import table as table_of

from headroom_common.database.migrations import _config, downgrade, upgrade
from headroom_common.errors import PermanentError, TransientError
from headroom_gateway.storage.database import MIGRATIONS, Database
from headroom_gateway.storage.schema import metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sqlalchemy import Connection

LATER: Final = ((None, "experiment_id"), ("fk_runs_experiments", "experiment_id"))
"""Names and columns of the reference that was added to a table that was there."""


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, empty_database: Callable[[str], str]) -> str:
    return empty_database(request.param)


@pytest.fixture
async def empty(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


def differences(connection: Connection) -> list[Any]:
    """What the tables lack or have too much of; asks SQLite itself for the reference that it was given later.

    SQLAlchemy reads a reference of SQLite in full only where it stands behind all columns.
    """
    is_sqlite = connection.dialect.name == "sqlite"

    def compared(thing: Any, name: str | None, kind: str, *_: object) -> bool:
        return not (is_sqlite and kind == "foreign_key_constraint" and (name, *thing.column_keys) in LATER)

    options = {"compare_type": True, "include_object": compared}
    found = list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))
    if is_sqlite:
        references = connection.exec_driver_sql("PRAGMA foreign_key_list(runs)").mappings()
        by_column = {one["from"]: (one["table"], one["on_delete"]) for one in references}
        if by_column.get("experiment_id") != ("experiments", "CASCADE"):
            found.append(by_column)
    return found


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def revisions(connection: Connection) -> list[str]:
    script = ScriptDirectory.from_config(_config(connection, MIGRATIONS))
    return [revision.revision for revision in script.walk_revisions()][::-1]


async def test_the_migrations_make_the_tables_that_the_code_uses(empty: Database) -> None:
    await empty.migrate()
    async with empty.transaction() as connection:
        assert await connection.run_sync(differences) == []
        assert await connection.run_sync(tables) == {*metadata.tables, "alembic_version"}


async def test_every_migration_runs_forward_and_back_and_forward(empty: Database) -> None:
    async with empty.transaction() as connection:
        steps = await connection.run_sync(revisions)
    seen = []
    for revision in steps:
        async with empty.transaction() as connection:
            await connection.run_sync(upgrade, MIGRATIONS, revision)
            seen.append(await connection.run_sync(tables))
    for revision, before in zip(
        ["base", *steps[:-1]][::-1], [{"alembic_version"}, *seen[:-1]][::-1], strict=True
    ):
        async with empty.transaction() as connection:
            await connection.run_sync(downgrade, MIGRATIONS, revision)
            assert await connection.run_sync(tables) == before
    await empty.migrate()
    async with empty.transaction() as connection:
        assert await connection.run_sync(differences) == []


async def test_what_was_there_before_experiments_stays(empty: Database) -> None:
    """Runs, their news and idempotency keys, whose tables get columns."""
    rows = {
        "scenarios": {"id": "s", "name": "s", "content_hash": "h", "created_by": "me"},
        "runs": {
            "id": "0" * 32,
            "scenario_id": "s",
            "scenario_name": "s",
            "state": "queued",
            "created_by": "me",
        },
        "run_events": {"run_id": "0" * 32, "kind": "state", "data": "{}"},
        "idempotency": {"principal": "me", "key": "k", "fingerprint": "f", "run_id": "0" * 32},
    }
    async with empty.transaction() as connection:
        await connection.run_sync(upgrade, MIGRATIONS, "0001")
        for table, row in rows.items():
            await connection.run_sync(insert_old, table, row)
    for step, revision in ((upgrade, "0002"), (downgrade, "0001"), (upgrade, "0002")):
        async with empty.transaction() as connection:
            await connection.run_sync(step, MIGRATIONS, revision)
            for table in rows:
                counted = await connection.execute(select(func.count()).select_from(table_of(table)))
                assert counted.scalar_one() == 1, (table, revision)
    async with empty.reading() as connection:
        found = (await connection.execute(text("SELECT listed FROM scenarios"))).scalar_one()
        assert found
        row = (await connection.execute(text("SELECT experiment_id, batch FROM runs"))).one()
        assert tuple(row) == (None, None)


def insert_old(connection: Connection, table: str, row: dict[str, Any]) -> None:
    """Insert a row as an older version does: what is not given has some value where one has to be."""
    columns = inspect(connection).get_columns(table)
    empty = {bytes: b"", bool: False, str: ""}
    whole = {
        one["name"]: empty.get(one["type"].python_type, 0) for one in columns if not one["nullable"]
    } | row
    connection.execute(table_of(table, *map(column, whole)).insert(), whole)


MIGRATE: Final = """
import asyncio, sys
from headroom_gateway.storage.database import Database

async def migrate():
    database = Database(sys.argv[1])
    await database.migrate()
    await database.close()

asyncio.run(migrate())
"""


async def test_instances_that_start_together_take_turns(empty: Database, url: str) -> None:
    command = [sys.executable, "-c", MIGRATE, url]
    instances = [await asyncio.create_subprocess_exec(*command) for _ in range(2)]
    assert await asyncio.gather(*(instance.wait() for instance in instances)) == [0, 0]
    async with empty.transaction() as connection:
        assert await connection.run_sync(differences) == []


class CrashError(Exception):
    """The instance ends here."""


async def test_a_migration_that_fails_leaves_nothing_behind(empty: Database) -> None:
    def migrate_and_crash(connection: Connection) -> None:
        upgrade(connection, MIGRATIONS)
        raise CrashError

    async def migrate() -> None:
        async with empty.transaction() as connection:
            await connection.run_sync(migrate_and_crash)

    with pytest.raises(CrashError):
        await migrate()
    async with empty.transaction() as connection:
        assert await connection.run_sync(tables) == set()


async def test_a_database_that_is_not_there_is_a_passing_failure(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    others = sqlite_threads()
    for url in (
        f"postgresql+psycopg://somebody:secret@127.0.0.1:{unused_tcp_port}/gateway",
        f"sqlite:///{tmp_path}/nowhere/gateway.db",
    ):
        database = Database(url)
        for call in (database.migrate, database.check):
            with pytest.raises(TransientError, match="the database: OperationalError: ") as caught:
                await call()
            assert caught.value.next_step
            assert "secret" not in str(caught.value)
        await database.close()
    await sqlite_threads_ended(others)


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "me:secret@host", ""])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(PermanentError, match=r"expected postgresql\+psycopg:// or sqlite:///") as caught:
        Database(url)
    assert "secret" not in str(caught.value)
