"""How two runs differ, from the trials that are kept of them."""

import json
from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Response

from headroom_analysis.api.documented import JSON, answer
from headroom_analysis.api.turns import Turns
from headroom_analysis.domain.comparison import FORMAT, ComparedRun, ComparisonError, comparison_document
from headroom_analysis.store import PartialStore
from headroom_common.service.problems import failures

_ANSWERS: Final = {
    200: answer("The comparison", JSON, {"type": "object", "properties": {"format": {"const": FORMAT}}}),
    **failures(
        NOT_FOUND="No trials of one of the runs are kept.",
        CONFLICT="The trials of one of the runs are of another version.",
        UNPROCESSABLE_ENTITY="One of the ids is none.",
        SERVICE_UNAVAILABLE="Too many requests wait for their turn, or the database is away.",
    ),
}


def comparisons(store: PartialStore, turns: Turns) -> APIRouter:
    """Return the route that compares runs.

    Args:
        store: where the trials of finished runs are.
        turns: for what is computed.
    """
    router = APIRouter(tags=["comparisons"])

    def compared(run_id: UUID) -> ComparedRun:
        kept = store.trials(run_id)
        if kept is None:
            detail = f"run {run_id}: expected a finished run whose trials are kept, found none"
            raise HTTPException(HTTPStatus.NOT_FOUND, detail)
        return ComparedRun(str(run_id), kept.plan.facts, kept.plan.layout, kept.summaries, kept.verdict)

    def compare(first: UUID, second: UUID) -> bytes:
        try:
            document = comparison_document(compared(first), compared(second))
        except ComparisonError as error:
            raise HTTPException(HTTPStatus.CONFLICT, str(error)) from error
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    @router.get("/runs/{run_id}/comparison/{other}", response_class=Response, responses=_ANSWERS)
    async def comparison(run_id: UUID, other: UUID) -> Response:
        """Return how a run differs from another one, figure by figure, and in their scenarios."""
        with turns.place():
            return Response(await turns.run(lambda: compare(run_id, other)), media_type=JSON)

    return router
