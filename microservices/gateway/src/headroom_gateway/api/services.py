"""The route that tells of the platform's services."""

from fastapi import APIRouter, Response

from headroom_gateway.api.answers import model
from headroom_gateway.parts import Parts
from headroom_gateway.representations import ServicesReport
from headroom_gateway.security.dependencies import Reader


def services_router(parts: Parts) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/services", tags=["services"])

    @router.get("", response_model=ServicesReport)
    async def list_services(caller: Reader) -> Response:  # noqa: ARG001 - it has to be somebody
        """Tell which services there are: instances, states, versions, and how many events wait for them."""
        return model(await parts.roster.report())

    return router
