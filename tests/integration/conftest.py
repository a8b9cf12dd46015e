"""Servers and platforms for the integration tests."""

import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from headroom_servers.postgres import Postgres
from headroom_servers.rabbitmq import RabbitMQ
from headroom_servers.redis import Redis

sys.path.insert(0, str(Path(__file__).parent))

from headroom_platforms.backends import Backend, backend_on


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
def backend(rabbitmq: RabbitMQ, redis: Redis, postgres: Postgres) -> Iterator[Backend]:
    """Everything that a platform stands on, this test's alone and empty."""
    with backend_on(rabbitmq, redis, postgres, f"test{uuid4().hex}") as made:
        yield made
