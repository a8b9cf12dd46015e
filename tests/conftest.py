"""Servers that the suites under tests/ share: started with the first test that asks for them."""

from collections.abc import Iterator

import pytest
from headroom_servers.rabbitmq import Certificates, RabbitMQ, make_certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What the broker presents to those who connect with TLS."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def broker_process(certificates: Certificates) -> Iterator[RabbitMQ]:
    """This test process's own RabbitMQ."""
    with RabbitMQ(certificates=certificates) as broker:
        yield broker


@pytest.fixture
def rabbitmq(broker_process: RabbitMQ) -> Iterator[RabbitMQ]:
    """A running RabbitMQ that the test has to itself, and may kill; what earlier tests left is there."""
    yield broker_process
    broker_process.resume()
    if not broker_process.alive:
        broker_process.start()
