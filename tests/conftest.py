"""Servers that the suites under tests/ share: started with the first test that asks for them."""

from collections.abc import Iterator

import pytest
from headroom_servers.rabbitmq import RabbitMQ


@pytest.fixture(scope="session")
def broker_process() -> Iterator[RabbitMQ]:
    """This test process's own RabbitMQ."""
    with RabbitMQ() as broker:
        yield broker


@pytest.fixture
def rabbitmq(broker_process: RabbitMQ) -> Iterator[RabbitMQ]:
    """A running RabbitMQ that the test has to itself, and may kill; what earlier tests left is there."""
    yield broker_process
    broker_process.resume()
    if not broker_process.alive:
        broker_process.start()
