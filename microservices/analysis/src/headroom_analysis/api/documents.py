"""Documents as bodies of requests: read within bounds, and refused with what was expected."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NoReturn

from fastapi import HTTPException

from headroom_analysis.api.documented import JSON
from headroom_analysis.domain.result import FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

MOST_BYTES: Final = 64 << 20
"""The largest body that is read."""

READING_SECONDS: Final = 30.0
"""How long a body may take to come."""


def body_of(kind: str = FORMAT) -> dict[str, Any]:
    """Return how the OpenAPI document describes a body that is a document of a format."""
    schema = {
        "type": "object",
        "description": f"A document of the format {kind}.",
        "required": ["format"],
        "properties": {"format": {"const": kind}},
    }
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


async def read(request: Request) -> bytes:
    """Return the body of a request that says it is JSON.

    Raises:
        HTTPException: it is of another type (415), larger than `MOST_BYTES` (413), or too slow (408).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        detail = f"content-type: expected {JSON}, found {kind or 'none'}"
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MOST_BYTES:
        _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(READING_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    _too_large()
    except TimeoutError as error:
        detail = f"body: expected all of it within {READING_SECONDS:g} s, found {len(body):,} bytes"
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail) from error
    return bytes(body)


def parsed(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body.

    Raises:
        HTTPException: it is none (422).
    """
    try:
        document = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        refuse(f"body: expected JSON, found something else ({error})", error)
    if not isinstance(document, dict):
        refuse(f"body: expected an object, found {type(document).__name__}")
    return document


def drawn(draw: Callable[[dict[str, Any]], bytes], body: bytes, kind: str = FORMAT) -> bytes:
    """Return what is drawn from the document in a body.

    Args:
        draw: draws it.
        body: of the request.
        kind: the format that the document has to be of.

    Raises:
        HTTPException: it is no such document, or holds what none does, such as 1e308 seconds (422).
    """
    document = parsed(body)
    found = document.get("format")
    if found != kind:
        refuse(f"format: expected {kind}, found {str(found)[:80] if 'format' in document else 'none'}")
    try:
        return draw(document)
    except (ArithmeticError, ValueError, RecursionError) as error:
        refuse(f"body: expected numbers and texts as in a result, found others ({error})", error)


def _no_number(name: str) -> NoReturn:
    message = f"{name} is no JSON number"
    raise ValueError(message)


def _too_large() -> NoReturn:
    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body: expected at most {MOST_BYTES:,} bytes")


def refuse(detail: str, cause: Exception | None = None) -> NoReturn:
    """Refuse a body.

    Raises:
        HTTPException: always (422).
    """
    raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from cause
