"""News of runs and experiments as server-sent events."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Header
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import format_sse_event

from headroom_common.service.problems import failures
from headroom_gateway.api.answers import JSON
from headroom_gateway.domain.lives import RunState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from headroom_gateway.experiment_representations import Experiment
    from headroom_gateway.parts import Parts
    from headroom_gateway.representations import Run

EVENTS: Final = "text/event-stream"
RETRY_MS: Final = 2000
"""How long a client waits before it follows again."""

LastEventId = Annotated[
    int, Header(ge=0, le=2**31 - 1, description="Number of the last news that the client has.")
]


def answers(news: str, missing: str) -> dict[int | str, dict[str, Any]]:
    """Return how the OpenAPI document describes a stream.

    Args:
        news: what its news are, with an article.
        missing: what 404 says.
    """
    event = {
        "type": "object",
        "description": "Each server-sent event.",
        "properties": {
            "event": {"enum": ["state", "progress"]},
            "id": {"type": "string", "pattern": "^[0-9]+$"},
            "data": {
                "type": "string",
                "contentMediaType": JSON,
                "description": f"{news[0].upper()}{news[1:]}.",
            },
        },
        "required": ["event", "id", "data"],
    }
    return {
        HTTPStatus.OK.value: {
            "description": f"Server-sent events `state` and `progress`, each {news} as JSON.",
            "content": {EVENTS: {"schema": event}},
        },
        HTTPStatus.NO_CONTENT.value: {"description": "It has ended, and the client knows all its news."},
        **failures(NOT_FOUND=missing, SERVICE_UNAVAILABLE="Too many follow already."),
    }


def followed(parts: Parts, thing: Run | Experiment, after: int) -> Response:
    """Return the news of a run or an experiment after a number, until it ends.

    Raises:
        TooManyFollowersError: there is no room.
    """
    if not thing.state.active and after >= thing.sequence:
        # Browsers come again after the end of a stream; this answer tells them not to.
        return Response(status_code=HTTPStatus.NO_CONTENT)
    parts.feeds.require_room()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(parts, thing.id, after), media_type=EVENTS, headers=headers)


async def _stream(parts: Parts, identity: UUID, after: int) -> AsyncIterator[bytes]:
    yield format_sse_event(retry=RETRY_MS)
    async for news in parts.feeds.follow(identity, after, parts.settings.heartbeat):
        if news is None:
            yield b": still here\n\n"
            continue
        yield format_sse_event(data_str=news.data, event=news.kind, id=str(news.sequence))
        if news.kind == "state" and not RunState(json.loads(news.data)["state"]).active:
            return
