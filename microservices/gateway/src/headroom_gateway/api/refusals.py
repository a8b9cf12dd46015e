"""From what went wrong to problem details: the only place that knows the status codes of our errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from headroom_common.errors import TransientError
from headroom_common.logs import Log
from headroom_common.scenario.explain import UnknownFieldError
from headroom_common.scenario.problems import Problem, ScenarioError
from headroom_common.service.problems import Fault, detail_of, problem_response
from headroom_gateway import errors
from headroom_gateway.domain.cursors import CursorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import FastAPI, Request, Response

    from headroom_common.errors import HeadroomError

KINDS: Final[Mapping[type[HeadroomError], tuple[HTTPStatus, str]]] = {
    errors.NotFoundError: (HTTPStatus.NOT_FOUND, "not-found"),
    UnknownFieldError: (HTTPStatus.NOT_FOUND, "not-found"),
    errors.ConflictError: (HTTPStatus.CONFLICT, "wrong-state"),
    errors.NoResultError: (HTTPStatus.CONFLICT, "no-result"),
    errors.ReusedKeyError: (HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused"),
    errors.TooLargeError: (HTTPStatus.UNPROCESSABLE_ENTITY, "run-too-large"),
    errors.TooManyRunsError: (HTTPStatus.TOO_MANY_REQUESTS, "too-many-runs"),
    errors.TooManyFollowersError: (HTTPStatus.SERVICE_UNAVAILABLE, "too-many-followers"),
}
"""Status and kind of problem by the class of the error."""

_log = Log(__name__)


def install(app: FastAPI) -> None:
    """Have an application answer our errors."""
    app.add_exception_handler(ScenarioError, _scenario)  # type: ignore[arg-type] # its own class of errors
    app.add_exception_handler(CursorError, _cursor)  # type: ignore[arg-type] # as above
    app.add_exception_handler(TransientError, _unavailable)  # type: ignore[arg-type] # as above
    for kind, (status, slug) in KINDS.items():
        app.add_exception_handler(kind, _answering(status, slug))  # type: ignore[arg-type] # as above


def _answering(status: HTTPStatus, slug: str) -> Callable[[Request, HeadroomError], Awaitable[Response]]:
    async def answer(request: Request, error: HeadroomError) -> Response:
        delay = getattr(error, "delay", None)
        headers = None if delay is None else {"Retry-After": f"{max(1, round(delay))}"}
        return problem_response(request, status, detail_of(error), slug=slug, headers=headers)

    return answer


async def _unavailable(request: Request, error: TransientError) -> Response:
    """Tell that something failed behind this door; what it is called and where it is, the log alone tells."""
    _log.warning("a request cannot be answered now", reason=error.message)
    detail = (
        "A part of the platform does not answer now. Try again in a moment; the log has more under this id."
    )
    headers = {"Retry-After": f"{max(1, round(error.delay or 1))}"}
    return problem_response(request, HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=headers)


async def _cursor(request: Request, error: CursorError) -> Response:
    detail = f"{error}. Begin with the first page."
    return problem_response(request, HTTPStatus.BAD_REQUEST, detail, slug="invalid-cursor")


async def _scenario(request: Request, error: ScenarioError) -> Response:
    count = len(error.problems)
    detail = f"{count} problem{'s' if count != 1 else ''} in the scenario; see errors. {error.next_step}"
    faults = [_fault(problem) for problem in error.problems]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return problem_response(request, status, detail, slug="invalid-scenario", errors=faults)


def _fault(problem: Problem) -> Fault:
    return Fault(
        field=problem.path,
        message=str(problem),
        line=problem.line,
        column=problem.column,
        expected=problem.expected,
        found=problem.found,
        hint=problem.hint or None,
        override=problem.override or None,
    )
