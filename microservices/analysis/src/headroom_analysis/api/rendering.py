"""Reports and tables of result documents that are sent here: analysis alone knows how they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from headroom_analysis import report
from headroom_analysis.api.documented import answer
from headroom_analysis.api.documents import body_of, drawn, read
from headroom_analysis.domain.result import FORMAT
from headroom_common.service.problems import failures

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from headroom_analysis.api.turns import Turns

PARQUET: Final = "application/vnd.apache.parquet"
"""Media type of Parquet files."""

FAILURES: Final = failures(
    REQUEST_TIMEOUT="The body did not come in time.",
    REQUEST_ENTITY_TOO_LARGE="The body is too large.",
    UNSUPPORTED_MEDIA_TYPE="The body is not said to be JSON.",
    UNPROCESSABLE_ENTITY="The body is no such document.",
    SERVICE_UNAVAILABLE="Too many requests wait for their turn.",
)


def rendering(turns: Turns) -> APIRouter:
    """Return the routes that render.

    Args:
        turns: of one thread, for matplotlib draws in one at a time.
    """
    router = APIRouter(tags=["rendering"])

    @router.post(
        "/reports",
        response_class=Response,
        responses={200: answer("The page", "text/html", {"type": "string"}), **FAILURES},
        openapi_extra=body_of(),
    )
    async def reports(request: Request) -> Response:
        """Return the report of a result document, one page that loads nothing."""
        return await rendered(turns, request, _page, "text/html")

    @router.post(
        "/tables",
        response_class=Response,
        responses={200: answer("The file", PARQUET, {"type": "string", "format": "binary"}), **FAILURES},
        openapi_extra=body_of(),
    )
    async def tables(request: Request) -> Response:
        """Return the figures and series of a result document as one Parquet file."""
        return await rendered(turns, request, report.parquet, PARQUET)

    return router


async def rendered(
    turns: Turns, request: Request, draw: Callable[[dict[str, Any]], bytes], kind: str, of: str = FORMAT
) -> Response:
    """Return what is drawn from the document that a request brings, when its turn comes.

    Args:
        turns: for what is drawn.
        request: the request.
        draw: draws it.
        kind: media type of what is drawn.
        of: the format that the document has to be of.

    Raises:
        HTTPException: the body is no such document.
        TransientError: too many wait for their turn.
    """
    with turns.place():
        body = await read(request)
        return Response(await turns.run(lambda: drawn(draw, body, of)), media_type=kind)


def _page(result: dict[str, Any]) -> bytes:
    return report.render_html(result).encode()
