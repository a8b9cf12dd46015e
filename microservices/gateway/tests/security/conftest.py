"""Makes the helpers importable, test folders being no packages; databases, Redis, and what was logged."""

import sys
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
from headroom_servers.postgres import Postgres
from headroom_servers.redis import Redis

sys.path.insert(0, str(Path(__file__).parent))

from security_testing.clocks import HandClock
from security_testing.issuers import Issuer, running_issuer
from security_testing.verifying import Verifying

from headroom_gateway.storage.database import Database

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_process() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
def redis(redis_process: Redis) -> Iterator[Redis]:
    """A running Redis that the test has to itself, and may kill."""
    yield redis_process
    redis_process.kill()
    redis_process.start()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of the gateway, in a file."""
    database = Database(f"sqlite:///{tmp_path / 'gateway.db'}")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gateway.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    url: str = server.create_database(f"security{next(_numbers)}")
    return url


@pytest.fixture
async def any_database(database_url: str) -> AsyncIterator[Database]:
    """An empty database of the gateway, of each kind."""
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def _quiet(log_lines: object) -> None:
    """No log lines among pytest's own."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture
async def verifying(issuer: Issuer, clock: HandClock) -> AsyncIterator[Verifying]:
    verifying = Verifying(issuer, clock)
    yield verifying
    for tokens in verifying.opened:
        await tokens.close()
