"""Routes of what a run found out: news while it goes on, and its result in several forms."""

import asyncio
import json
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from headroom_common.service.problems import failures
from headroom_gateway.api.answers import JSON, tagged
from headroom_gateway.api.following import LastEventId, answers, followed
from headroom_gateway.api.forms import NOT_MODIFIED, PAGE, as_document, as_page, content, documents, wanted
from headroom_gateway.domain.summaries import summary_of
from headroom_gateway.errors import NoResultError
from headroom_gateway.parts import Parts
from headroom_gateway.representations import ResultInfo
from headroom_gateway.security.dependencies import Reader

_NONE: Final = failures(NOT_FOUND="There is no such run.", CONFLICT="It has no result, or not yet.")
_WITH_ANALYSIS: Final = _NONE | failures(SERVICE_UNAVAILABLE="Analysis, which draws it, does not answer.")


def results_router(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/runs/{run_id}", tags=["results"])
    _add_events(router, parts)
    _add_results(router, parts)
    _add_drawn(router, parts)
    return router


def _add_events(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/events", response_class=StreamingResponse, responses=answers("a RunEvent", "There is no such run.")
    )
    async def follow_run(run_id: UUID, caller: Reader, last_event_id: LastEventId = 0) -> Response:  # noqa: ARG001 - it has to be somebody
        """Follow a run: its news from the beginning, or after the last that the client has, until it ends."""
        return followed(parts, await parts.runs.get(run_id), last_event_id)


def _add_results(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/results",
        response_class=Response,
        responses={
            **documents("The result document (headroom.result/v1), or its figures and series."),
            **NOT_MODIFIED,
            **_WITH_ANALYSIS,
            **failures(NOT_ACCEPTABLE="The client takes neither JSON nor Parquet."),
        },
    )
    async def get_results(
        request: Request,
        run_id: UUID,
        caller: Reader,  # noqa: ARG001 - it has to be somebody
    ) -> Response:
        """Return a run's result: the very bytes that `headroom run --output result.json` writes."""
        kind = wanted(request)
        info, document = await _document(parts, run_id)
        return await as_document(parts, request, kind, info.hash, document)

    @router.get(
        "/summary",
        response_class=Response,
        responses={
            HTTPStatus.OK.value: {
                "description": "The result on one screen.",
                **content(JSON, {"type": "object"}),
            },
            **NOT_MODIFIED,
            **_NONE,
        },
    )
    async def get_summary(
        request: Request,
        run_id: UUID,
        caller: Reader,  # noqa: ARG001 - it has to be somebody
        points: Annotated[int, Query(ge=1, le=200, description="Instants of the series at most.")] = 24,
    ) -> Response:
        """Return percentiles, verdict, anatomy and thinned series of a run's result."""
        info, document = await _document(parts, run_id)
        text = await asyncio.to_thread(_summary, document, points)
        return tagged(request, f"{info.hash}.{points}", text)


def _summary(document: bytes, points: int) -> str:
    return json.dumps(summary_of(json.loads(document), points), ensure_ascii=False, separators=(",", ":"))


async def _document(parts: Parts, run_id: UUID) -> tuple[ResultInfo, bytes]:
    """Return what is known of a run's result, and the document.

    Raises:
        NotFoundError: there is no such run.
        NoResultError: it has no result, or not yet.
        TransientError: the database failed.
    """
    run = await parts.runs.get(run_id)
    if run.result is None:
        found = f"it {run.state} without one" if not run.state.active else f"it {run.state}"
        message = f"run {run_id}: expected one with a result, found {found}"
        next_step = "Follow the run until it ends." if run.state.active else ""
        raise NoResultError(message, next_step=next_step)
    return run.result, await parts.results.document(run.result.hash)


def _add_drawn(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/report",
        response_class=Response,
        responses={
            **PAGE,
            **NOT_MODIFIED,
            **_WITH_ANALYSIS,
        },
    )
    async def get_report(request: Request, run_id: UUID, caller: Reader) -> Response:  # noqa: ARG001 - it has to be somebody
        """Return the report of a run's result as one HTML page."""
        info, document = await _document(parts, run_id)
        return await as_page(parts, request, info.hash, document)

    @router.get(
        "/compare/{other}",
        response_class=Response,
        responses={
            HTTPStatus.OK.value: {
                "description": "How the other run differs (headroom.comparison/v1).",
                **content(JSON, {"type": "object"}),
            },
            **_WITH_ANALYSIS,
        },
    )
    async def compare_runs(run_id: UUID, other: UUID, caller: Reader) -> Response:  # noqa: ARG001 - it has to be somebody
        """Compare two completed runs; trials are paired when both saw the same requests."""
        first, second = await parts.runs.simulated(run_id), await parts.runs.simulated(other)
        return Response(await parts.analysis.comparison(first, second), media_type=JSON)
