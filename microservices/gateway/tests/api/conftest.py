"""The gateway's application without a network and without other services; the platform in whole."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from gateway_testing.platforms import Platform

from headroom_common.service.composition import compose
from headroom_common.transports.memory import MemoryBroker
from headroom_gateway.app import build
from headroom_gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from gateway_testing.storage import Storage

    Opened = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(autouse=True)
def _environment(log_lines: object, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - asking for it is all
    """No setting of the machine's, and no log lines among pytest's own."""
    for name in ("HEADROOM_PORT", "HEADROOM_SECRETS_DIR", "HEADROOM_REDIS_URL", "HEADROOM_BROKER__URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def opened(sqlite: Storage) -> Opened:
    """Opens an instance on the database of ``sqlite``; options are settings. Nothing goes on beside it."""

    @asynccontextmanager
    async def open_instance(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
        given = {"instance": "one", "threads": 1, "database_url": sqlite.url, **options}
        settings = GatewaySettings(**given)
        service = build(settings)
        composition = compose(service, settings, transport=MemoryBroker().transport())
        transport = httpx.ASGITransport(composition.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client
        composition.workers.close()
        await service.close()

    return open_instance


@pytest.fixture
async def client(opened: Opened) -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as asking:
        yield asking


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """All services; tests share it and leave its other runs alone."""
    with Platform(
        tmp_path_factory.mktemp("platform"), rates={"reads_per_minute": 0, "writes_per_minute": 0}
    ) as running:
        yield running


@pytest.fixture
async def platform_client(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=platform.url, timeout=120, trust_env=False) as asking:
        yield asking
