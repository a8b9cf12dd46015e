"""Requests are counted and timed by route, whatever they ask for."""

from collections.abc import Mapping
from http import HTTPStatus

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from headroom_common.service import Service
from headroom_common.service.http_metrics import HttpMetrics
from headroom_common.service.problems import ProblemError, refusal


class Guard:
    """Middleware of a service, which refuses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/secret"):
            refused = ProblemError(HTTPStatus.UNAUTHORIZED, "unauthenticated", "No.")
            await refusal(Request(scope), refused)(scope, receive, send)
            return
        await self._app(scope, receive, send)


@pytest.fixture
def service() -> Service:
    router = APIRouter(prefix="/orders")

    @router.get("/{number}/lines/{line}")
    async def line(number: int, line: str) -> str:
        if line == "broken":
            raise ZeroDivisionError
        return f"{number} {line}"

    def extend(app: FastAPI) -> None:
        app.add_middleware(Guard)

    return Service("generator", {}, routers=[router], extend=extend)


async def counted(client: httpx.AsyncClient) -> Mapping[tuple[str, str, str], float]:
    text = (await client.get("/metrics")).text
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        if family.name == "headroom_http_requests"
        for sample in family.samples
    }


async def test_requests_are_counted_by_route_method_and_status(client: httpx.AsyncClient) -> None:
    for number in range(3):
        assert (await client.get(f"/api/v1/orders/{number}/lines/x{number}")).status_code == 200
    await client.get("/api/v1/orders/none/lines/x")
    await client.post("/api/v1/orders/1/lines/x")
    await client.get("/api/v1/orders/1/lines/broken")
    await client.get("/api/v1/orders/secret")
    for unknown in ("/nowhere", "/api/v1/orders/1/cards", "/%00"):
        await client.get(unknown)
    await client.request("BREW", "/api/v1/orders/1/lines/x")
    route = "/orders/{number}/lines/{line}"
    assert await counted(client) == {
        ("GET", route, "200"): 3,
        ("GET", route, "422"): 1,
        ("POST", route, "405"): 1,
        ("GET", route, "500"): 1,
        ("GET", "none", "401"): 1,
        ("GET", "none", "404"): 3,
        ("other", route, "405"): 1,
    }


async def test_the_beginning_of_an_answer_is_timed(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.get("/api/v1/orders/1/lines/x")
    text = (await client.get("/metrics")).text
    labels = 'method="GET",route="/orders/{number}/lines/{line}"'
    assert f"headroom_http_request_duration_seconds_count{{{labels}}} 3.0" in text
    assert f'headroom_http_request_duration_seconds_bucket{{le="0.5",{labels}}}' in text


async def test_probes_and_metrics_are_left_out(client: httpx.AsyncClient) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        await client.get(path)
    assert await counted(client) == {}


async def test_an_answer_that_breaks_off_is_counted_once() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ConnectionResetError

    async def nothing(*_: object) -> None: ...

    registry = CollectorRegistry()
    metrics = HttpMetrics(app, registry, "")
    with pytest.raises(ConnectionResetError):
        await metrics({"type": "http", "method": "GET", "path": "/x"}, nothing, nothing)
    labels = {"method": "GET", "route": "none"}
    assert registry.get_sample_value("headroom_http_requests_total", {**labels, "status": "200"}) == 1
    assert registry.get_sample_value("headroom_http_requests_total", {**labels, "status": "500"}) is None
