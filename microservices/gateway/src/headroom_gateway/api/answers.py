"""What several routes answer alike: documents with entity tags, pages with cursors, problems in OpenAPI."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi.responses import Response as PlainResponse

from headroom_gateway.domain.cursors import CursorError, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request, Response
    from pydantic import BaseModel

    from headroom_gateway.domain.cursors import Place

JSON: Final = "application/json"
PREFIX: Final = "/api/v1"
DEFAULT_LIMIT: Final = 50
MOST_ITEMS: Final = 200


def model(content: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a model as JSON; it needs no second check."""
    return PlainResponse(content.model_dump_json(), status, headers, JSON)


def tagged(
    request: Request,
    tag: str,
    content: bytes | str,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return content with its entity tag, or 304 when the client has it (RFC 9110, section 13.1.2)."""
    quoted = f'"{tag}"'
    both = {"ETag": quoted, "Cache-Control": "no-cache", **(headers or {})}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or quoted in (one.strip().removeprefix("W/") for one in known.split(",")):
        return PlainResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=both)
    return PlainResponse(content, HTTPStatus.OK, both, media_type)


def page_headers(request: Request, cursor: str | None) -> dict[str, str]:
    """Return the link to the next page (RFC 8288)."""
    if cursor is None:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"Link": f'<{request.url.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'}


def place_among(things: str, cursor: str) -> Place:
    """Return the place in a list of runs or experiments that a cursor stands for.

    Raises:
        CursorError: the cursor is of no such list.
    """
    place = place_of(cursor)
    try:
        UUID(place.identity)
    except ValueError:
        found = f"a page of {things}"
        raise CursorError(found) from None
    return place
