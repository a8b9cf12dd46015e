"""A client of a gateway whose answers the test writes."""

from collections.abc import AsyncIterator

import pytest
from client_testing.server import SmallGateway

from headroom.client import Client, Patience

SOON = Patience(connect=5.0, answer=5.0, retries=2.0, asked=5.0, lost=5.0, base=0.01, cap=0.02)
"""Short pauses; no test depends on how short they are."""


@pytest.fixture
def secret() -> str:
    return "hr_very-secret-0123456789"


@pytest.fixture
async def client(gateway: SmallGateway, secret: str) -> AsyncIterator[Client]:
    async with Client(gateway.url, secret, patience=SOON) as made:
        yield made
