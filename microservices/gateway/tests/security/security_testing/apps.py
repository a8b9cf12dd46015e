"""A small application behind the gateway's protection, in memory and on a port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI, Request

from headroom_common.event_manager.clock import Clock, SystemClock
from headroom_common.service import problems
from headroom_common.service.http import HttpServer, listen
from headroom_gateway.api.keys import keys_router
from headroom_gateway.security.dependencies import Admin, Reader, Runner
from headroom_gateway.security.opening import Security
from headroom_gateway.security.settings import SecuritySettings
from headroom_gateway.storage.database import Database

ADMIN_KEY = "an-admin-key-of-the-tests-0123456789"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens there: the tests' own servers are on loopback


def settings(**values: object) -> SecuritySettings:
    """Return settings with authentication on, unless they say otherwise."""
    given: dict[str, object] = {"host": EVERYWHERE, "authentication": {"admin_key": ADMIN_KEY}, **values}
    return SecuritySettings.model_validate(given)


def small_routes() -> APIRouter:
    """Routes for each scope."""
    router = APIRouter()

    @router.get("/things")
    async def things(reader: Reader) -> str:
        return reader.name

    @router.post("/things")
    async def make(runner: Runner, request: Request) -> dict[str, str | int]:
        size = 0
        async for part in request.stream():
            size += len(part)
        return {"by": runner.name, "size": size}

    @router.delete("/things")
    async def clear(admin: Admin) -> str:
        return admin.name

    return router


@asynccontextmanager
async def protected(
    chosen: SecuritySettings, database: Database, clock: Clock | None = None
) -> AsyncIterator[FastAPI]:
    """Give an application with the routes of API keys and of each scope."""
    clock = clock or SystemClock()
    security = Security(chosen, database, clock)
    app = problems.Api(responses=problems.RESPONSES)
    problems.install(app)
    security.extend(app)
    app.include_router(small_routes(), prefix="/api/v1")
    app.include_router(keys_router(security.keys, security.verifier, clock), prefix="/api/v1")

    @app.get("/health/live")
    async def live() -> str:
        return "alive"

    yield app
    await security.close()


@asynccontextmanager
async def asked(app: FastAPI, host: str = "localhost") -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of an application, without a network."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        yield client


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    """Give the port of loopback on which an application answers."""
    socket = listen("127.0.0.1", 0)
    server = HttpServer(app, timeout=1)
    serving = asyncio.create_task(server.serve([socket]))
    try:
        yield socket.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        socket.close()


def bearer(credential: str) -> dict[str, str]:
    """Return the header that shows a credential."""
    return {"Authorization": f"Bearer {credential}"}
