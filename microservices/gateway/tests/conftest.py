"""Makes the tests' shared helpers importable, test folders being no packages; databases of both kinds."""

import io
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest
import structlog
from headroom_servers.postgres import Postgres

sys.path.insert(0, str(Path(__file__).parent))

from gateway_testing.databases import DATABASES, copied, migrated
from gateway_testing.storage import Storage

from headroom_common import telemetry

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that one worker's tests share; each takes a database of its own."""
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def empty_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Makes a database without tables and returns its URL; no server is started before one is asked for."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'gateway.db'}"
        server: Postgres = request.getfixturevalue("postgres")
        return server.create_database(f"empty{next(_numbers)}")

    return make


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest,
    empty_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], str]:
    """Makes a database with tables and nothing in them, a copy of one that was migrated."""
    template = cache(lambda kind: migrated(empty_database(kind)))

    def make(kind: str) -> str:
        if kind == "sqlite":
            path = tmp_path_factory.mktemp("sqlite") / "gateway.db"
            shutil.copy(template(kind).removeprefix("sqlite:///"), path)
            return f"sqlite:///{path}"
        server: Postgres = request.getfixturevalue("postgres")
        return copied(server, template(kind), f"gateway{next(_numbers)}")

    return make


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """The URL of a database with tables, one of each kind."""
    return new_database(request.param)


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Storage]:
    """What the gateway keeps, in each kind of database."""
    async with Storage(database_url) as kept:
        yield kept


@pytest.fixture
def sqlite_url(new_database: Callable[[str], str]) -> str:
    """The URL of a SQLite database with tables."""
    return new_database("sqlite")


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Storage]:
    """The same, in SQLite alone: for what does not depend on the kind of database."""
    async with Storage(sqlite_url) as kept:
        yield kept


@pytest.fixture
def log_lines() -> Iterator[list[structlog.typing.EventDict]]:
    """What was logged, whatever was configured before."""
    telemetry.configure(level="debug", stream=io.StringIO())
    with structlog.testing.capture_logs() as lines:
        yield lines
