"""Routes of what an experiment found out: news while it goes on, and its result in several forms."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from headroom_common.service.problems import failures
from headroom_gateway.api.experiments import NO_EXPERIMENT
from headroom_gateway.api.following import LastEventId, answers, followed
from headroom_gateway.api.forms import NOT_MODIFIED, PAGE, as_document, as_page, documents, wanted
from headroom_gateway.parts import Parts
from headroom_gateway.security.dependencies import Reader

_WITH_ANALYSIS: Final = failures(
    NOT_FOUND=NO_EXPERIMENT,
    CONFLICT="It has no result, or not yet.",
    SERVICE_UNAVAILABLE="Analysis, which draws it, does not answer.",
)


def experiment_results_router(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/experiments/{experiment_id}", tags=["experiments"])

    @router.get(
        "/events",
        response_class=StreamingResponse,
        responses=answers("an ExperimentEvent", NO_EXPERIMENT),
    )
    async def follow_experiment(
        experiment_id: UUID,
        caller: Reader,  # noqa: ARG001 - it has to be somebody
        last_event_id: LastEventId = 0,
    ) -> Response:
        """Follow an experiment: its news from the first, or after the last that is known, until it ends."""
        return followed(parts, await parts.experiments.get(experiment_id), last_event_id)

    @router.get(
        "/results",
        response_class=Response,
        responses={
            **documents("The document (headroom.experiment/v1), or the figures of its points."),
            **NOT_MODIFIED,
            **_WITH_ANALYSIS,
            **failures(NOT_ACCEPTABLE="The client takes neither JSON nor Parquet."),
        },
    )
    async def get_experiment_results(
        request: Request,
        experiment_id: UUID,
        caller: Reader,  # noqa: ARG001 - it has to be somebody
    ) -> Response:
        """Return what an experiment found out: the very bytes that the command line writes."""
        kind = wanted(request)
        name, document = await parts.experiments.document(experiment_id)
        return await as_document(parts, request, kind, name, document, "experiments/")

    @router.get(
        "/report",
        response_class=Response,
        responses={**PAGE, **NOT_MODIFIED, **_WITH_ANALYSIS},
    )
    async def get_experiment_report(
        request: Request,
        experiment_id: UUID,
        caller: Reader,  # noqa: ARG001 - it has to be somebody
    ) -> Response:
        """Return the report of what an experiment found out as one HTML page."""
        name, document = await parts.experiments.document(experiment_id)
        return await as_page(parts, request, name, document, "experiments/")

    return router
