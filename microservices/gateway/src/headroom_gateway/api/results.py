"""Routes of what a run found out: news while it goes on, and its result in several forms."""

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from headroom_common.service.problems import ProblemError, failures
from headroom_gateway.analysis_client import HTML, PARQUET
from headroom_gateway.api.answers import JSON, tagged
from headroom_gateway.domain.lives import RunState
from headroom_gateway.domain.negotiation import preferred
from headroom_gateway.domain.summaries import summary_of
from headroom_gateway.errors import NoResultError
from headroom_gateway.parts import Parts
from headroom_gateway.representations import ResultInfo
from headroom_gateway.security.dependencies import Reader

EVENTS: Final = "text/event-stream"
RETRY_MS: Final = 2000
"""How long a client waits before it follows again."""

LastEventId = Annotated[
    int, Header(ge=0, le=2**31 - 1, description="Number of the last news that the client has.")
]
_NONE: Final = failures(NOT_FOUND="There is no such run.", CONFLICT="It has no result, or not yet.")
_WITH_ANALYSIS: Final = _NONE | failures(SERVICE_UNAVAILABLE="Analysis, which draws it, does not answer.")
# The page itself says what it may load: nothing. This takes it out of the origin of the interface as well.
_HARMLESS: Final = {"Content-Security-Policy": "sandbox; script-src 'none'"}
_NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.NOT_MODIFIED.value: {"description": "The client has it."}
}


_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Each server-sent event.",
    "properties": {
        "event": {"enum": ["state", "progress"]},
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "data": {"type": "string", "contentMediaType": JSON, "description": "A RunEvent."},
    },
    "required": ["event", "id", "data"],
}


def _content(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {media_type: {"schema": schema}}}


def results_router(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/runs/{run_id}", tags=["results"])
    _add_events(router, parts)
    _add_results(router, parts)
    _add_drawn(router, parts)
    return router


def _add_events(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/events",
        response_class=StreamingResponse,
        responses={
            HTTPStatus.OK.value: {
                "description": "Server-sent events `state` and `progress`, each a RunEvent as JSON.",
                **_content(EVENTS, _EVENT),
            },
            HTTPStatus.NO_CONTENT.value: {"description": "It has ended, and the client knows all its news."},
            **failures(NOT_FOUND="There is no such run.", SERVICE_UNAVAILABLE="Too many follow already."),
        },
    )
    async def follow_run(run_id: UUID, caller: Reader, last_event_id: LastEventId = 0) -> Response:  # noqa: ARG001 - it has to be somebody
        """Follow a run: its news from the beginning, or after the last that the client has, until it ends."""
        run = await parts.runs.get(run_id)
        if not run.state.active and (last_event_id or 0) >= run.sequence:
            # Browsers come again after the end of a stream; this answer tells them not to.
            return Response(status_code=HTTPStatus.NO_CONTENT)
        parts.feeds.require_room()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_stream(parts, run_id, last_event_id), media_type=EVENTS, headers=headers)


async def _stream(parts: Parts, run_id: UUID, after: int) -> AsyncIterator[bytes]:
    yield format_sse_event(retry=RETRY_MS)
    async for news in parts.feeds.follow(run_id, after, parts.settings.heartbeat):
        if news is None:
            yield b": still here\n\n"
            continue
        yield format_sse_event(data_str=news.data, event=news.kind, id=str(news.sequence))
        if news.kind == "state" and not RunState(json.loads(news.data)["state"]).active:
            return


def _add_results(router: APIRouter, parts: Parts) -> None:
    @router.get(
        "/results",
        response_class=Response,
        responses={
            HTTPStatus.OK.value: {
                "description": "The result document (headroom.result/v1), or its figures and series.",
                "content": {
                    JSON: {"schema": {"type": "object"}},
                    PARQUET: {"schema": {"type": "string", "format": "binary"}},
                },
            },
            **_NOT_MODIFIED,
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
        kind = preferred(request.headers.get("accept", ""), (JSON, PARQUET))
        if kind is None:
            detail = f"Accept: expected {JSON} or {PARQUET} among the media types, found neither."
            raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", detail)
        info, document = await _document(parts, run_id)
        if kind == JSON:
            return tagged(request, info.hash, document, JSON, {"Vary": "Accept"})
        table = await parts.analysis.table(info.hash, document)
        return tagged(request, f"{info.hash}.parquet", table, PARQUET, {"Vary": "Accept"})

    @router.get(
        "/summary",
        response_class=Response,
        responses={
            HTTPStatus.OK.value: {
                "description": "The result on one screen.",
                **_content(JSON, {"type": "object"}),
            },
            **_NOT_MODIFIED,
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
            HTTPStatus.OK.value: {
                "description": "The report, one page without scripts that loads nothing.",
                **_content("text/html", {"type": "string"}),
            },
            **_NOT_MODIFIED,
            **_WITH_ANALYSIS,
        },
    )
    async def get_report(request: Request, run_id: UUID, caller: Reader) -> Response:  # noqa: ARG001 - it has to be somebody
        """Return the report of a run's result as one HTML page."""
        info, document = await _document(parts, run_id)
        page = await parts.analysis.report(info.hash, document)
        return tagged(request, f"{info.hash}.html", page, HTML, _HARMLESS)

    @router.get(
        "/compare/{other}",
        response_class=Response,
        responses={
            HTTPStatus.OK.value: {
                "description": "How the other run differs (headroom.comparison/v1).",
                **_content(JSON, {"type": "object"}),
            },
            **_WITH_ANALYSIS,
        },
    )
    async def compare_runs(run_id: UUID, other: UUID, caller: Reader) -> Response:  # noqa: ARG001 - it has to be somebody
        """Compare two completed runs; trials are paired when both saw the same requests."""
        first, second = await parts.runs.simulated(run_id), await parts.runs.simulated(other)
        return Response(await parts.analysis.comparison(first, second), media_type=JSON)
