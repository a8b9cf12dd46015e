"""Routes of runs: asking for them, looking at them, ending them."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AwareDatetime, BeforeValidator

from headroom_common.service.problems import failures
from headroom_gateway.api.answers import DEFAULT_LIMIT, PREFIX, model, page_headers, place_among, tagged
from headroom_gateway.api.scenarios import Cursor, Limit
from headroom_gateway.domain.cursors import Place, cursor_of
from headroom_gateway.domain.lives import CancelAsked, RunState
from headroom_gateway.errors import ConflictError
from headroom_gateway.fields import ScenarioId
from headroom_gateway.parts import Parts
from headroom_gateway.representations import ClonedRun, NewRun, Run, RunPage
from headroom_gateway.security.dependencies import Reader, Runner
from headroom_gateway.storage.runs import Filters, require_alone
from headroom_gateway.storage.times import to_us
from headroom_gateway.submission import Accepted, Order

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Requests with equal keys are accepted once; a key is remembered for a day.",
    ),
]


def _is_written(text: str) -> str:
    """Refuse numbers, which pydantic takes for seconds since 1970."""
    if "-" not in text[1:]:
        message = "expected a date and time such as 2026-11-21T10:00:00Z"
        raise ValueError(message)
    return text


Instant = Annotated[AwareDatetime, BeforeValidator(_is_written)]
CacheControl = Annotated[
    str | None, Header(description="`no-cache` has it simulated even if an equal run's result is stored.")
]

_ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.CREATED.value: {"model": Run, "description": "Answered at once from an equal run's result."},
    **failures(
        NOT_FOUND="There is no such scenario or run.",
        UNPROCESSABLE_ENTITY="Not valid, too large, or the idempotency key came with another request.",
        TOO_MANY_REQUESTS="As many runs are under way as are allowed.",
    ),
}


def runs_router(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/runs", tags=["runs"])
    _add_reading(router, parts)
    _add_making(router, parts)
    _add_ending(router, parts)
    return router


def _order(caller: Runner, key: str | None, cache_control: str | None) -> Order:
    directives = {part.strip().lower() for part in (cache_control or "").split(",")}
    return Order(caller.name, key, fresh="no-cache" in directives)


def _accepted(accepted: Accepted, order: Order) -> Response:
    run = accepted.run
    cached = run.result is not None and run.result.cached
    missed = "fwd=request" if order.fresh else "fwd=miss"
    headers = {
        "Location": f"{PREFIX}/runs/{run.id}",
        "Cache-Status": f"headroom; {'hit' if cached else missed}",  # RFC 9211
        **({"Idempotency-Replayed": "true"} if accepted.repeated else {}),
    }
    return model(run, HTTPStatus.CREATED if cached else HTTPStatus.ACCEPTED, headers)


def _add_making(router: APIRouter, parts: Parts) -> None:
    @router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Run, responses=_ACCEPTED)
    async def create_run(
        asked: NewRun,
        caller: Runner,
        idempotency_key: IdempotencyKey = None,
        cache_control: CacheControl = None,
    ) -> Response:
        """Ask for a run. What is accepted is simulated, whatever dies meanwhile."""
        order = _order(caller, idempotency_key, cache_control)
        return _accepted(await parts.submission.submit(asked, order), order)

    @router.post("/{run_id}/clone", status_code=HTTPStatus.ACCEPTED, response_model=Run, responses=_ACCEPTED)
    async def clone_run(
        run_id: UUID,
        asked: ClonedRun,
        caller: Runner,
        idempotency_key: IdempotencyKey = None,
        cache_control: CacheControl = None,
    ) -> Response:
        """Ask for a run like another one, with changes."""
        order = _order(caller, idempotency_key, cache_control)
        return _accepted(await parts.submission.clone(run_id, asked, order), order)


def _add_reading(router: APIRouter, parts: Parts) -> None:
    @router.get("", response_model=RunPage, responses=failures(BAD_REQUEST="The cursor is none."))
    async def list_runs(  # noqa: PLR0913 - the filters
        request: Request,
        caller: Reader,  # noqa: ARG001 - it has to be somebody
        *,
        state: RunState | None = None,
        scenario_id: ScenarioId | None = None,
        created_by: Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]*$")] = None,
        created_after: Instant | None = None,
        created_before: Instant | None = None,
        experiment_id: UUID | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response:
        """List runs, newest first: those of an experiment when it is given, else those of none."""
        filters = Filters(state, scenario_id, created_by, created_after, created_before, experiment_id)
        after = None if cursor is None else place_among("runs", cursor)
        found = await parts.runs.page(filters, after, limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else cursor_of(Place(to_us(last.created_at), str(last.id)))
        page = RunPage.model_construct(items=list(found[:limit]), next_cursor=following)
        return model(page, headers=page_headers(request, following))

    @router.get(
        "/{run_id}",
        response_model=Run,
        responses={
            HTTPStatus.NOT_MODIFIED.value: {"description": "The client has it."},
            **failures(NOT_FOUND="There is no such run."),
        },
    )
    async def get_run(request: Request, run_id: UUID, caller: Reader) -> Response:  # noqa: ARG001 - it has to be somebody
        """Return a run; its entity tag changes with every news of it."""
        run = await parts.runs.get(run_id)
        return tagged(request, f"{run.id}.{run.sequence}", run.model_dump_json())


def _add_ending(router: APIRouter, parts: Parts) -> None:
    @router.post(
        "/{run_id}/cancel",
        status_code=HTTPStatus.ACCEPTED,
        response_model=Run,
        responses={
            HTTPStatus.OK.value: {"model": Run, "description": "It is cancelled already."},
            **failures(
                NOT_FOUND="There is no such run.",
                CONFLICT="It has ended otherwise, or is one of an experiment.",
            ),
        },
    )
    async def cancel_run(run_id: UUID, caller: Runner) -> Response:  # noqa: ARG001 - it has to be somebody
        """Stop a run; the trials that are complete are kept as a partial result."""
        now = parts.clock.now()
        require_alone(await parts.runs.get(run_id))
        async with parts.database.transaction() as connection:
            run = await parts.runs.change(connection, run_id, CancelAsked(), now)
        if run is None:
            run = await parts.runs.get(run_id)
            if run.state not in {RunState.CANCELLING, RunState.CANCELLED}:
                message = f"run {run_id}: expected one that is under way, found it {run.state}"
                raise ConflictError(message)
        else:
            parts.runs.metrics.changed(run, now)
            parts.feeds.notify(run_id)
            parts.relay.wake()
        return model(run, HTTPStatus.ACCEPTED if run.state.active else HTTPStatus.OK)

    @router.delete(
        "/{run_id}",
        status_code=HTTPStatus.NO_CONTENT,
        responses=failures(
            NOT_FOUND="There is no such run.", CONFLICT="It is under way, or one of an experiment."
        ),
    )
    async def delete_run(run_id: UUID, caller: Runner) -> Response:  # noqa: ARG001 - it has to be somebody
        """Remove a run that has ended, with its result."""
        await parts.runs.delete(run_id, parts.clock.now())
        parts.relay.wake()
        return Response(status_code=HTTPStatus.NO_CONTENT)
