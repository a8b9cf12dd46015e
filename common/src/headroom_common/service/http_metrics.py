"""How many HTTP requests were answered, how, and how soon: by route, never by path."""

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headroom_common.service.request_logs import QUIET

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of answering times, in seconds."""

NO_ROUTE: Final = "none"
"""Stands for the route of a request that reached none: of an unknown path, or refused before."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNEXPECTED: Final = 500


class HttpMetrics:
    """Counts requests and measures how long their answers take to begin; probes and metrics are left out.

    Args:
        app: the application inside.
        registry: where the metrics are kept.
        prefix: of most routes; left out of their names.
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._requests = Counter(
            "headroom_http_requests",
            "HTTP requests that were answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "headroom_http_request_duration_seconds",
            "Time from an HTTP request to the beginning of its answer, in seconds.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=registry,
        )
        # Looking a series up by its labels costs more than counting.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in QUIET:
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        answered = False

        async def answer(message: Message) -> None:
            nonlocal answered
            if not answered and message["type"] == "http.response.start":
                answered = True
                self._count(scope, message["status"], loop.time() - began)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:
            if not answered:
                self._count(scope, _UNEXPECTED, loop.time() - began)
            raise

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        key = scope["method"], getattr(scope.get("route"), "path", NO_ROUTE), status
        if key not in self._series:
            self._series[key] = self._new_series(*key)
        requests, durations = self._series[key]
        requests.inc()
        durations.observe(seconds)

    def _new_series(self, method: str, path: str, status: int) -> tuple[Counter, Histogram]:
        known = method if method in _METHODS else "other"
        route = path.removeprefix(self._prefix)
        return self._requests.labels(known, route, f"{status}"), self._seconds.labels(known, route)
