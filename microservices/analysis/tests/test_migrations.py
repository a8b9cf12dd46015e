"""The tables: made, brought up and down, equal to what the store expects, by several instances at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from analysis_testing.adding import Run
from sqlalchemy import insert, inspect, select, text

from headroom_analysis.storage import SqlStore, open_engine, open_store
from headroom_analysis.storage.engine import MIGRATIONS, transaction
from headroom_analysis.storage.schema import metadata, runs
from headroom_analysis.store import Stopped
from headroom_common.database.migrations import downgrade, upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    return new_database(request.param)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_the_migrated_tables_are_those_of_the_schema(engine: Engine) -> None:
    with transaction(engine) as connection:
        upgrade(connection, MIGRATIONS)
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    assert tables(engine) == set(metadata.tables)


def test_down_and_up_again(engine: Engine) -> None:
    for _ in range(2):
        with transaction(engine) as connection:
            upgrade(connection, MIGRATIONS)
        assert tables(engine) == set(metadata.tables)
        with transaction(engine) as connection:
            downgrade(connection, MIGRATIONS, "base")
        assert tables(engine) == set()


def test_a_run_outlives_the_step_to_parameters_and_back(engine: Engine) -> None:
    with transaction(engine) as connection:
        upgrade(connection, MIGRATIONS, "0001")
        values = {"run_id": Run(2, "begun before").parameters.run_id, "state": "running"}
        connection.execute(insert(runs), values | dict.fromkeys(("trials_done", "requests", "changed_at"), 0))
        upgrade(connection, MIGRATIONS)
    store, before, after = SqlStore(engine), Run(2, "begun before"), Run(2)
    for run in (before, after):
        for place in ((0, 0, 0), (0, 1, 0)):
            run.add(store, place)
    without, with_result = (store.stop(run.parameters.run_id) for run in (before, after))
    assert without == Stopped(1)
    assert with_result is not None
    assert with_result.result is not None
    with transaction(engine) as connection:
        downgrade(connection, MIGRATIONS, "0001")
        states = connection.execute(select(runs.c.run_id, runs.c.state)).all()
        upgrade(connection, MIGRATIONS)
    assert sorted(state for _, state in states) == ["discarded", "discarded"]
    assert store.stop(after.parameters.run_id) == with_result


def test_an_interrupted_migration_leaves_nothing(engine: Engine) -> None:
    def work() -> None:
        with transaction(engine) as connection:
            upgrade(connection, MIGRATIONS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert tables(engine) == set()


def test_instances_that_start_together_take_turns(url: str) -> None:
    instances = 4
    start = Barrier(instances)

    def begin(number: int) -> bool:
        start.wait()
        with open_store(url) as store:
            return Run(1).add(store, (0, number, 0), segments=9).completed_trial

    with ThreadPoolExecutor(instances) as pool:
        assert list(pool.map(begin, range(instances))) == [False] * instances


def test_opening_again_keeps_everything(url: str) -> None:
    run = Run(1)
    with open_store(url) as store:
        run.add(store, (0, 0, 0))
    with open_store(url) as store:
        assert run.add(store, (0, 1, 0)).finished is not None


def test_postgresql_does_not_compress_what_is_narrow_already(new_database: Callable[[str], str]) -> None:
    query = "SELECT attstorage FROM pg_attribute WHERE attname IN ('statistics', 'totals') AND attnum > 0"
    with open_store(new_database("postgresql")) as store, transaction(store._engine) as connection:
        assert connection.execute(text(query)).scalars().all() == ["e", "e"]
