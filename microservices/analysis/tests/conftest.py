"""Makes the tests' shared helpers importable, test folders being no packages; databases for the stores."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from headroom_servers.postgres import Postgres

sys.path.insert(0, str(Path(__file__).parent))

DATABASES: Final = ("sqlite", "postgresql")

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that one worker's tests share; each takes a database of its own."""
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Makes an empty database of a kind and returns its URL; no server is started before one is asked for."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'analysis.db'}"
        server: Postgres = request.getfixturevalue("postgres")
        return server.create_database(f"analysis{next(_numbers)}")

    return make


@pytest.fixture(scope="module", params=DATABASES)
def database(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """The URL of a database without tables, one of each kind."""
    return new_database(request.param)
