"""The HTTP interface of a service, asked without a network."""

import io
import json
from importlib.metadata import version
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from headroom_common.errors import PermanentError, TransientError
from headroom_common.event_manager.states import Trouble
from headroom_common.service import Service
from headroom_common.service.composition import Composition
from headroom_common.service.request_logs import _SOUND

PROBLEM = "application/problem+json"


class Order(BaseModel):
    """A body that a route takes."""

    count: int


def own_router() -> APIRouter:
    """A service's own part of the interface, which fails in every way."""
    router = APIRouter(prefix="/orders")
    failures = {
        "transient": TransientError("the store does not answer", delay=7, next_step="Try again."),
        "permanent": PermanentError("count: expected at most 3, found 4"),
        "unexpected": ZeroDivisionError("with a secret in it"),
    }

    @router.get("/{kind}")
    async def fail(kind: str) -> None:
        raise failures[kind]

    @router.post("")
    async def order(order: Order) -> Order:
        return order

    return router


@pytest.fixture
def service() -> Service:
    return Service("generator", {}, routers=[own_router()])


async def test_it_lives_and_is_not_ready_before_it_has_started(client: httpx.AsyncClient) -> None:
    live, ready = await client.get("/health/live"), await client.get("/health/ready")
    assert (live.status_code, ready.status_code) == (200, 503)
    assert live.json()["state"] == "starting"


async def test_ready_means_able_to_work(client: httpx.AsyncClient, composition: Composition) -> None:
    async def ready() -> tuple[int, str]:
        answer = await client.get("/health/ready")
        return answer.status_code, answer.json()["state"]

    manager = composition.manager
    await manager.start()
    assert await ready() == (200, "ready")
    manager._states.trouble(Trouble.INBOX, "gone")
    assert await ready() == (200, "degraded")
    manager._states.trouble(Trouble.CONNECTION, "cut")
    assert await ready() == (503, "degraded")
    manager._states.recovered(Trouble.CONNECTION, "back")
    manager._states.trouble(Trouble.CONFIRMS, "none")
    assert await ready() == (503, "degraded")
    manager._states.recovered(Trouble.CONFIRMS, "they come")
    assert await ready() == (200, "degraded")
    composition.status.leaving = True
    assert await ready() == (503, "degraded")
    await manager.drain()
    assert await ready() == (503, "draining")
    await manager.stop()
    assert await ready() == (503, "stopped")
    assert (await client.get("/health/live")).status_code == 200


async def test_it_tells_all_about_itself(client: httpx.AsyncClient, composition: Composition) -> None:
    await composition.manager.start()
    told = (await client.get("/api/v1/service")).json()
    assert (told["name"], told["instance"]) == ("generator", "one")
    assert told["version"] == version("headroom-common")
    assert (told["state"], told["ready"], told["troubles"]) == ("ready", True, {})
    assert "HEADROOM_REDIS_URL is not set" in told["reason"]
    assert told["counters"]["published"] >= 0
    assert told["settings"]["broker"]["url"] == "**********"
    assert "guest" not in json.dumps(told)
    await composition.manager.stop()


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/nothing", 404, "Not Found"),
        ("DELETE", "/health/live", 405, "Method Not Allowed"),
        ("GET", "/api/v1/orders/transient", 503, "the store does not answer. Try again."),
        ("GET", "/api/v1/orders/permanent", 400, "count: expected at most 3, found 4"),
        ("GET", "/api/v1/orders/unexpected", 500, "A fault of the service"),
        ("POST", "/api/v1/orders", 422, "The request is not valid"),
    ],
)
async def test_every_failure_is_a_problem_with_details(
    client: httpx.AsyncClient, method: str, path: str, status: int, detail: str
) -> None:
    answer = await client.request(method, path)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert (problem["status"], problem["type"], problem["instance"]) == (status, "about:blank", path)
    assert problem["detail"].startswith(detail)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text


async def test_a_problem_says_what_to_do(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/orders/transient")).headers["retry-after"] == "7"
    assert (await client.delete("/health/live")).headers["allow"] == "GET"
    invalid = (await client.post("/api/v1/orders", json={"count": "x"})).json()
    assert [fault["field"] for fault in invalid["errors"]] == ["body.count"]


async def test_request_ids_are_taken_over_when_they_are_sound(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get("/health/live", headers={"X-Request-ID": offered})
        for offered in (b"order-7", b"", b"a b", b"x" * 65, b"\xe9")
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert ids[0] == "order-7"
    assert len(set(ids)) == len(ids)
    assert not {"a b", "x" * 65, "\xe9"} & set(ids)


@given(st.text())
def test_a_sound_id_cannot_forge_a_log_line_or_a_header(offered: str) -> None:
    if _SOUND.fullmatch(offered):
        assert offered.isascii()
        assert offered.isprintable()
        assert not set(offered) & set("\r\n \"'{}")


async def test_requests_are_logged_and_probes_are_not(client: httpx.AsyncClient, logs: io.StringIO) -> None:
    for path in ("/health/live", "/health/ready", "/metrics", "/api/v1/service", "/nothing"):
        await client.get(path, headers={"X-Request-ID": "r1"})
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    told = [line for line in lines if line["event"] == "http request"]
    assert [(line["path"], line["status"], line["request_id"]) for line in told] == [
        ("/api/v1/service", 200, "r1"),
        ("/nothing", 404, "r1"),
    ]


async def test_an_unexpected_failure_is_in_the_log_under_its_request(
    client: httpx.AsyncClient, logs: io.StringIO
) -> None:
    await client.get("/api/v1/orders/unexpected", headers={"X-Request-ID": "r2"})
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    (failure,) = [line for line in lines if line["event"] == "http request failed"]
    assert (failure["request_id"], failure["exception"][0]["exc_type"]) == ("r2", "ZeroDivisionError")


async def test_the_document_describes_routes_and_failures(client: httpx.AsyncClient) -> None:
    document: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert {"/health/live", "/health/ready", "/metrics", "/api/v1/service", "/api/v1/orders"} <= set(
        document["paths"]
    )
    assert {"Problem", "Fault", "StatusReport"} <= set(document["components"]["schemas"])
    for methods in document["paths"].values():
        for operation in methods.values():
            schema = operation["responses"]["default"]["content"][PROBLEM]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}


async def test_metrics_are_in_prometheus_format(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"headroom_events_handled", "headroom_service_state", "process_resident_memory_bytes"} <= names
