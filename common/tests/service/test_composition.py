"""What settings bring into a service, and what it leaves out without them."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from headroom_common.contracts.events import RunParameters, RunRequested
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.redis_inbox import RedisInbox
from headroom_common.service import Service
from headroom_common.service.composition import ALONE, Composition

Compose = Callable[..., Composition]
NOWHERE = "redis://:hunter2@127.0.0.1:1/0"


class Collector:
    """Takes what an OpenTelemetry collector would, over HTTP."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        bodies = self._bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def spans(self) -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self._bodies]
        scopes = [scope for each in requests for of in each.resource_spans for scope in of.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


async def test_without_redis_it_remembers_alone_and_says_so(composed: Compose) -> None:
    parts = composed()
    assert isinstance(parts.manager._inbox, MemoryInbox)
    assert parts.closers == {}
    async with parts.manager:
        assert parts.manager.reason.endswith(ALONE)


async def test_with_redis_it_shares_its_inbox(composed: Compose) -> None:
    parts = composed(redis_url=NOWHERE)
    assert isinstance(parts.manager._inbox, RedisInbox)
    async with parts.manager:
        assert ALONE not in parts.manager.reason
    assert list(parts.closers) == ["inbox"]
    await parts.closers["inbox"]()
    assert "hunter2" not in parts.status.report().model_dump_json()


async def test_traces_are_exported_where_they_are_wanted(composed: Compose, run: RunParameters) -> None:
    with Collector() as collector:
        parts = composed(otlp_endpoint=collector.endpoint)
        assert list(parts.closers) == ["traces"]
        async with parts.manager as manager:
            await manager.publish(RunRequested(run=run))
            async with asyncio.timeout(60):
                while manager.counters.handled < 1:  # noqa: ASYNC110 - a counter wakes nobody
                    await asyncio.sleep(0.01)
        await parts.closers["traces"]()
    (exported,) = collector.spans()
    assert exported.name == "run.requested.v1 handle"
    assert exported.trace_id == run.run_id.bytes


@pytest.mark.parametrize(
    ("name", "besides"), [("generator", {"headroom.run.cancelled.v1"}), ("gateway", set())]
)
async def test_a_service_takes_its_events_and_answers_polls_and_a_stage_heeds_cancellations(
    composed: Compose, service: Service, name: str, besides: set[str]
) -> None:
    everywhere = {"headroom.run.requested.v1", "headroom.service.polled.v1"}
    assert set(composed(replace(service, name=name)).manager._subscribed) == everywhere | besides
