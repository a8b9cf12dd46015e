"""The HTTP interface of a service: health, metrics, its state, and whatever routers it adds itself."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel

from headroom_common.contracts.events import ServiceState
from headroom_common.service import problems
from headroom_common.service.definition import Service
from headroom_common.service.http_metrics import HttpMetrics
from headroom_common.service.status import Status, StatusReport

API: Final = "/api/v1"
"""Prefix of the versioned interface."""


class Health(BaseModel):
    """What a probe is told.

    Attributes:
        state: the state of the service.
        reason: why it is in this state.
    """

    state: ServiceState
    reason: str


def create_app(service: Service, status: Status, registry: CollectorRegistry) -> FastAPI:
    """Return the HTTP interface of a service.

    Args:
        service: the service, with the routers that it adds under ``/api/v1``.
        status: what the service tells of itself.
        registry: the metrics of this process.
    """
    app = problems.Api(
        title=f"Headroom {service.name}",
        version=service.version,
        # The pages that show an OpenAPI document load scripts from elsewhere; the document itself is there.
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
        generate_unique_id_function=lambda route: route.name,
    )
    problems.install(app)
    service.extend(app)
    # The last one is the outermost: what the service's own middleware refuses is counted, too.
    app.add_middleware(HttpMetrics, registry=registry, prefix=API)
    # Routes are tried in this order: the service's own are those that are asked for most.
    for router in (*service.routers, _own_state(status)):
        app.include_router(router, prefix=API)
    app.include_router(_health(status))
    app.include_router(_metrics(registry))
    return app


def _health(status: Status) -> APIRouter:
    router = APIRouter(prefix="/health", tags=["health"])

    def health() -> Health:
        return Health(state=status.manager.state, reason=status.manager.reason)

    @router.get("/live")
    async def live() -> Health:
        """Tell that the process answers. Asks nobody: a broker that is down is no reason to restart this."""
        return health()

    @router.get("/ready", responses={HTTPStatus.SERVICE_UNAVAILABLE: {"model": Health}})
    async def ready(response: Response) -> Health:
        """Tell whether this instance can do its work now."""
        if not status.ready:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return health()

    return router


def _metrics(registry: CollectorRegistry) -> APIRouter:
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Return the metrics in Prometheus' text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _own_state(status: Status) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/service")
    async def service() -> StatusReport:
        """Tell what this instance is, how it is, and what it did so far."""
        return status.report()

    return router
