"""Routes of experiments: asking for them, looking at them, ending them."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from headroom_common.service.problems import failures
from headroom_gateway.api.answers import DEFAULT_LIMIT, PREFIX, model, page_headers, place_among, tagged
from headroom_gateway.api.runs import IdempotencyKey, Instant
from headroom_gateway.api.scenarios import Cursor, Limit
from headroom_gateway.domain.cursors import Place, cursor_of
from headroom_gateway.domain.experiments import EndAsked
from headroom_gateway.domain.lives import RunState
from headroom_gateway.errors import ConflictError
from headroom_gateway.experiment_representations import (
    Experiment,
    ExperimentPage,
    Kind,
    NewExperiment,
)
from headroom_gateway.fields import ScenarioId
from headroom_gateway.parts import Parts
from headroom_gateway.security.dependencies import Reader, Runner
from headroom_gateway.storage.experiments import ExperimentFilters
from headroom_gateway.storage.times import to_us
from headroom_gateway.submission import Order

NO_EXPERIMENT: Final = "There is no such experiment."
_ACCEPTED: Final[dict[int | str, dict[str, Any]]] = failures(
    NOT_FOUND="There is no such scenario.",
    UNPROCESSABLE_ENTITY="Not valid, too large, or the idempotency key came with another request.",
    TOO_MANY_REQUESTS="As many experiments or runs are under way as are allowed.",
)


def experiments_router(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/experiments", tags=["experiments"])
    _add_making(router, parts)
    _add_reading(router, parts)
    _add_ending(router, parts)
    return router


def _add_making(router: APIRouter, parts: Parts) -> None:
    @router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Experiment, responses=_ACCEPTED)
    async def create_experiment(
        asked: NewExperiment, caller: Runner, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Ask for an experiment: many runs, of which each round depends on what the ones before gave."""
        order = Order(caller.name, idempotency_key)
        accepted = await parts.experiment_submission.submit(asked, order)
        headers = {
            "Location": f"{PREFIX}/experiments/{accepted.experiment.id}",
            **({"Idempotency-Replayed": "true"} if accepted.repeated else {}),
        }
        return model(accepted.experiment, HTTPStatus.ACCEPTED, headers)


def _add_reading(router: APIRouter, parts: Parts) -> None:
    @router.get("", response_model=ExperimentPage, responses=failures(BAD_REQUEST="The cursor is none."))
    async def list_experiments(  # noqa: PLR0913 - the filters
        request: Request,
        caller: Reader,  # noqa: ARG001 - it has to be somebody
        *,
        state: RunState | None = None,
        kind: Kind | None = None,
        scenario_id: ScenarioId | None = None,
        created_by: Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]*$")] = None,
        created_after: Instant | None = None,
        created_before: Instant | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response:
        """List experiments, newest first."""
        filters = ExperimentFilters(state, kind, scenario_id, created_by, created_after, created_before)
        after = None if cursor is None else place_among("experiments", cursor)
        found = await parts.experiments.page(filters, after, limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else cursor_of(Place(to_us(last.created_at), str(last.id)))
        page = ExperimentPage.model_construct(items=list(found[:limit]), next_cursor=following)
        return model(page, headers=page_headers(request, following))

    @router.get(
        "/{experiment_id}",
        response_model=Experiment,
        responses={
            HTTPStatus.NOT_MODIFIED.value: {"description": "The client has it."},
            **failures(NOT_FOUND=NO_EXPERIMENT),
        },
    )
    async def get_experiment(request: Request, experiment_id: UUID, caller: Reader) -> Response:  # noqa: ARG001 - it has to be somebody
        """Return an experiment; its entity tag changes with every news of it."""
        experiment = await parts.experiments.get(experiment_id)
        return tagged(request, f"{experiment.id}.{experiment.sequence}", experiment.model_dump_json())


def _add_ending(router: APIRouter, parts: Parts) -> None:
    @router.post(
        "/{experiment_id}/cancel",
        status_code=HTTPStatus.ACCEPTED,
        response_model=Experiment,
        responses={
            HTTPStatus.OK.value: {"model": Experiment, "description": "It is cancelled already."},
            **failures(NOT_FOUND=NO_EXPERIMENT, CONFLICT="It has ended otherwise."),
        },
    )
    async def cancel_experiment(experiment_id: UUID, caller: Runner) -> Response:  # noqa: ARG001 - it has to be somebody
        """Stop an experiment and its runs."""
        experiment = await parts.experiments.note(experiment_id, EndAsked(), parts.clock.now())
        if experiment is None:
            experiment = await parts.experiments.get(experiment_id)
            if experiment.state not in {RunState.CANCELLING, RunState.CANCELLED}:
                message = (
                    f"experiment {experiment_id}: expected one that is under way, found it {experiment.state}"
                )
                raise ConflictError(message)
        else:
            parts.feeds.notify(experiment_id)
            parts.experimenter.wake()
        return model(experiment, HTTPStatus.ACCEPTED if experiment.state.active else HTTPStatus.OK)

    @router.delete(
        "/{experiment_id}",
        status_code=HTTPStatus.NO_CONTENT,
        responses=failures(NOT_FOUND=NO_EXPERIMENT, CONFLICT="It, or a run of it, is under way."),
    )
    async def delete_experiment(experiment_id: UUID, caller: Runner) -> Response:  # noqa: ARG001 - it has to be somebody
        """Remove an experiment that has ended, with its runs and all results."""
        await parts.experiments.delete(experiment_id, parts.clock.now())
        parts.relay.wake()
        return Response(status_code=HTTPStatus.NO_CONTENT)
