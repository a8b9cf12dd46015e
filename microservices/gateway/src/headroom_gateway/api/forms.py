"""The forms that results come in: JSON as it is published, a table as Parquet, a report as HTML."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from headroom_common.service.problems import ProblemError
from headroom_gateway.analysis_client import HTML, PARQUET
from headroom_gateway.api.answers import JSON, tagged
from headroom_gateway.domain.negotiation import preferred

if TYPE_CHECKING:
    from fastapi import Request, Response

    from headroom_gateway.analysis_client import Subject
    from headroom_gateway.parts import Parts

NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.NOT_MODIFIED.value: {"description": "The client has it."}
}
# The page itself says what it may load: nothing. This takes it out of the origin of the interface as well.
_HARMLESS: Final = {"Content-Security-Policy": "sandbox; script-src 'none'"}


def content(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return how the OpenAPI document describes an answer of one media type."""
    return {"content": {media_type: {"schema": schema}}}


def documents(description: str) -> dict[int | str, dict[str, Any]]:
    """Return how it describes a result that comes as JSON or as Parquet."""
    forms = (
        content(JSON, {"type": "object"})["content"]
        | content(PARQUET, {"type": "string", "format": "binary"})["content"]
    )
    return {HTTPStatus.OK.value: {"description": description, "content": forms}}


PAGE: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK.value: {
        "description": "The report, one page without scripts that loads nothing.",
        **content("text/html", {"type": "string"}),
    }
}
"""How it describes a report."""


def wanted(request: Request) -> str:
    """Return which of JSON and Parquet a client wants.

    Raises:
        ProblemError: it takes neither.
    """
    kind = preferred(request.headers.get("accept", ""), (JSON, PARQUET))
    if kind is None:
        detail = f"Accept: expected {JSON} or {PARQUET} among the media types, found neither."
        raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", detail)
    return kind


async def as_document(
    parts: Parts, request: Request, kind: str, name: str, document: bytes, subject: Subject = ""
) -> Response:
    """Return a result as JSON or Parquet.

    Args:
        parts: what draws it.
        request: what was asked.
        kind: the media type, of `wanted`.
        name: the document's hash.
        document: the result.
        subject: what it is the result of.

    Raises:
        TransientError: analysis, which makes the table, is away.
    """
    if kind == JSON:
        return tagged(request, name, document, JSON, {"Vary": "Accept"})
    table = await parts.analysis.table(name, document, subject)
    return tagged(request, f"{name}.parquet", table, PARQUET, {"Vary": "Accept"})


async def as_page(
    parts: Parts, request: Request, name: str, document: bytes, subject: Subject = ""
) -> Response:
    """Return the report of a result; arguments and errors as of `as_document`."""
    page = await parts.analysis.report(name, document, subject)
    return tagged(request, f"{name}.html", page, HTML, _HARMLESS)
