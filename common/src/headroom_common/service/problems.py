"""Every failure of the HTTP interface as problem details (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Scope

from headroom_common.errors import HeadroomError, TransientError
from headroom_common.service.request_logs import RequestLogs, request_id

MEDIA_TYPE: Final = "application/problem+json"
"""Media type of problem details."""

KINDS: Final = "urn:headroom:problem:"
"""What the type of a problem starts with when the status does not say it all."""

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_RETRY_AFTER_S: Final = 1


class Fault(BaseModel):
    """What is wrong with one part of a request.

    Attributes:
        field: path of the part.
        message: what was expected, and what was found.
        line: the line in a scenario's YAML, from 1.
        column: the column, from 1.
        expected: what would have been right.
        found: what is there.
        hint: what to do.
        override: the override to blame, as it was given.
    """

    field: str
    message: str
    line: int | None = None
    column: int | None = None
    expected: str | None = None
    found: str | None = None
    hint: str | None = None
    override: str | None = None


class Problem(BaseModel):
    """Problem details.

    Attributes:
        type: a URI that names the kind of problem; ``about:blank`` when the status says it all.
        title: the kind of problem in words.
        status: HTTP status.
        detail: what happened in this case, and what to do next.
        instance: path of the request.
        request_id: id of the request, as in the logs.
        errors: the faults of a request that is not valid.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[Fault] | None = None


class ProblemError(HTTPException):
    """A request is refused, and why has a name that programs can rely on.

    Args:
        status: HTTP status.
        slug: the kind of problem: the end of its ``type``.
        detail: what happened in this case, and what to do next.
        headers: more headers of the answer.

    Attributes:
        slug: as given.
    """

    def __init__(
        self, status: int, slug: str, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.slug = slug


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "Problem details (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
"""How OpenAPI documents describe the failures of a route."""


def failures(**reasons: str) -> dict[int | str, dict[str, Any]]:
    """Return how OpenAPI documents describe single failures, given as ``NAME_OF_THE_STATUS="when"``."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        HTTPStatus[name].value: {"description": reason, "content": {MEDIA_TYPE: {"schema": schema}}}
        for name, reason in reasons.items()
    }


class Api(FastAPI):
    """An application that answers every failure with problem details, and whose OpenAPI document says so."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put the log of requests around everything, unexpected failures included."""
        return RequestLogs(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        """Return the document."""
        document = super().openapi()
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update({**problem.pop("$defs"), "Problem": problem})
        return document


def problem_response(
    request: Request,
    status: int,
    detail: str,
    *,
    slug: str | None = None,
    errors: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return a failure as problem details.

    Args:
        request: what was asked.
        status: HTTP status.
        detail: what happened in this case, and what to do next.
        slug: the kind of problem: the end of its ``type``; None when the status says it all.
        errors: the faults of a request that is not valid.
        headers: more headers of the answer.
    """
    problem = Problem(
        type="about:blank" if slug is None else f"{KINDS}{slug}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        request_id=request_id(request.scope),
        errors=errors,
    )
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, status, media_type=MEDIA_TYPE, headers=headers)


def refusal(request: Request, error: HTTPException) -> JSONResponse:
    """Return the answer to a request that is refused."""
    slug = error.slug if isinstance(error, ProblemError) else None
    return problem_response(request, error.status_code, error.detail, slug=slug, headers=error.headers)


def install(app: FastAPI) -> None:
    """Have an application answer every failure with problem details."""

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # Starlette tells the methods of the first route with this path alone.
            error.headers = {"Allow": ", ".join(_allowed(app, request.scope))}
        return refusal(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            Fault(field=".".join(str(part) for part in finding["loc"]), message=finding["msg"])
            for finding in error.errors()
        ]
        detail = "The request is not valid; see errors."
        return problem_response(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=faults)

    @app.exception_handler(TransientError)
    async def unavailable(request: Request, error: TransientError) -> JSONResponse:
        headers = {"Retry-After": f"{max(1, round(error.delay or _RETRY_AFTER_S))}"}
        return problem_response(request, HTTPStatus.SERVICE_UNAVAILABLE, detail_of(error), headers=headers)

    @app.exception_handler(HeadroomError)
    async def refused(request: Request, error: HeadroomError) -> JSONResponse:
        return problem_response(request, HTTPStatus.BAD_REQUEST, detail_of(error))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> JSONResponse:
        detail = "A fault of the service; its log has more under this request id."
        return problem_response(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def detail_of(error: HeadroomError) -> str:
    """Return what went wrong and what to do next, as sentences."""
    stop = "" if error.message.endswith((".", "!", "?")) else "."
    return f"{error.message}{stop} {error.next_step}".strip()


def _allowed(app: FastAPI, scope: Scope) -> list[str]:
    """Return the methods that a path has routes for."""
    asked = {name: scope[name] for name in ("type", "path", "root_path", "headers", "app")}
    return [
        method
        for method in _METHODS
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in app.routes)
    ]
