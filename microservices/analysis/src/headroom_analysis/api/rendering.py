"""Reports and tables of result documents that are sent here: analysis alone knows how they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from headroom_analysis import report
from headroom_analysis.api.documented import answer
from headroom_analysis.api.documents import BODY, drawn, read
from headroom_common.service.problems import failures

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from headroom_analysis.api.turns import Turns

PARQUET: Final = "application/vnd.apache.parquet"
"""Media type of Parquet files."""

_FAILURES: Final = failures(
    REQUEST_TIMEOUT="The body did not come in time.",
    REQUEST_ENTITY_TOO_LARGE="The body is too large.",
    UNSUPPORTED_MEDIA_TYPE="The body is not said to be JSON.",
    UNPROCESSABLE_ENTITY="The body is no result document.",
    SERVICE_UNAVAILABLE="Too many requests wait for their turn.",
)


def rendering(turns: Turns) -> APIRouter:
    """Return the routes that render.

    Args:
        turns: of one thread, for matplotlib draws in one at a time.
    """
    router = APIRouter(tags=["rendering"])

    async def rendered(request: Request, draw: Callable[[dict[str, Any]], bytes], kind: str) -> Response:
        with turns.place():
            body = await read(request)
            return Response(await turns.run(lambda: drawn(draw, body)), media_type=kind)

    @router.post(
        "/reports",
        response_class=Response,
        responses={200: answer("The page", "text/html", {"type": "string"}), **_FAILURES},
        openapi_extra=BODY,
    )
    async def reports(request: Request) -> Response:
        """Return the report of a result document, one page that loads nothing."""
        return await rendered(request, lambda result: report.render_html(result).encode(), "text/html")

    @router.post(
        "/tables",
        response_class=Response,
        responses={200: answer("The file", PARQUET, {"type": "string", "format": "binary"}), **_FAILURES},
        openapi_extra=BODY,
    )
    async def tables(request: Request) -> Response:
        """Return the figures and series of a result document as one Parquet file."""
        return await rendered(request, report.parquet, PARQUET)

    return router
