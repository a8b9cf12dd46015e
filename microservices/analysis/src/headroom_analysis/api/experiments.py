"""Experiments: which runs one wants next, from the trials of those that it had; and what it found, drawn."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - pydantic reads it

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from headroom_analysis.api.documented import JSON, answer
from headroom_analysis.api.documents import body_of, parsed, read
from headroom_analysis.api.rendering import FAILURES, PARQUET, rendered
from headroom_analysis.experiments import advance
from headroom_analysis.experiments.document import FORMAT
from headroom_common.errors import PermanentError
from headroom_common.experiments.model import Experiment  # noqa: TC001 - pydantic reads it
from headroom_common.scenario.problems import ScenarioError
from headroom_common.service.problems import Fault, ProblemError, failures, problem_response

if TYPE_CHECKING:
    from headroom_analysis.api.turns import Turns
    from headroom_analysis.experiments import Step
    from headroom_analysis.store import KeptTrials, PartialStore


class _Asked(BaseModel):
    """Which step is asked for.

    Attributes:
        experiment: what the experiment is.
        runs: the completed runs that it wanted, by the names of their batches.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: Experiment
    runs: dict[str, UUID] = {}


class _RefusedError(Exception):
    """The experiment cannot go on.

    Args:
        detail: why, and what to do next.
        faults: the fields at fault.
    """

    def __init__(self, detail: str, faults: list[Fault]) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults


_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["experiment"],
                    "properties": {
                        "experiment": {"type": "object", "description": "What is asked for."},
                        "runs": {
                            "type": "object",
                            "description": "Completed runs by the names of their batches.",
                            "additionalProperties": {"type": "string", "format": "uuid"},
                        },
                    },
                }
            }
        },
    }
}
_STEP: Final = {
    "type": "object",
    "required": ["wanted", "document", "progress"],
    "properties": {
        "wanted": {"type": "array", "description": "Runs: name, scenario, seed and trials of each."},
        "document": {"type": ["object", "null"], "description": f"What was found out ({FORMAT})."},
        "progress": {"type": "object", "description": "Points so far, and trials of these."},
    },
}


def experiments(store: PartialStore, stepping: Turns, drawing: Turns) -> APIRouter:
    """Return the routes of experiments.

    Args:
        store: where the trials of finished runs are.
        stepping: for the steps.
        drawing: for reports and tables.
    """
    router = APIRouter(prefix="/experiments", tags=["experiments"])

    def step(body: bytes) -> bytes:
        return _told(_taken(store, _asked(body)))

    @router.post(
        "/steps",
        response_class=Response,
        responses={
            200: answer("The step", JSON, _STEP),
            **FAILURES,
            **failures(
                NOT_FOUND="No trials of one of the runs are kept.",
                UNPROCESSABLE_ENTITY="The experiment, or a point of it, is not valid.",
            ),
        },
        openapi_extra=_BODY,
    )
    async def experiment_steps(request: Request) -> Response:
        """Return which runs an experiment wants next, or what it found out."""
        with stepping.place():
            body = await read(request)
            try:
                return Response(await stepping.run(lambda: step(body)), media_type=JSON)
            except _RefusedError as error:
                status = HTTPStatus.UNPROCESSABLE_ENTITY
                return problem_response(request, status, error.detail, errors=error.faults)

    @router.post(
        "/reports",
        response_class=Response,
        responses={200: answer("The page", "text/html", {"type": "string"}), **FAILURES},
        openapi_extra=body_of(FORMAT),
    )
    async def experiment_reports(request: Request) -> Response:
        """Return the report of what an experiment found out, one page that loads nothing."""
        return await rendered(drawing, request, _page, "text/html", FORMAT)

    @router.post(
        "/tables",
        response_class=Response,
        responses={200: answer("The file", PARQUET, {"type": "string", "format": "binary"}), **FAILURES},
        openapi_extra=body_of(FORMAT),
    )
    async def experiment_tables(request: Request) -> Response:
        """Return the figures of an experiment's points as one Parquet file."""
        return await rendered(drawing, request, _table, PARQUET, FORMAT)

    return router


def _asked(body: bytes) -> _Asked:
    """Return what is asked for.

    Raises:
        HTTPException: the body is no JSON object.
        _RefusedError: something is not valid.
    """
    parsed(body)
    try:
        return _Asked.model_validate_json(body)
    except ValidationError as error:
        faults = [
            Fault(field=".".join(str(part) for part in finding["loc"]), message=finding["msg"])
            for finding in error.errors(include_url=False)
        ]
        detail = "The request is not valid; see errors."
        raise _RefusedError(detail, faults) from error


def _trials(store: PartialStore, run_id: UUID) -> KeptTrials:
    kept = store.trials(run_id)
    if kept is None:
        detail = f"run {run_id}: expected a finished run whose trials are kept, found none"
        raise ProblemError(HTTPStatus.NOT_FOUND, "no-trials", detail)
    return kept


def _taken(store: PartialStore, asked: _Asked) -> Step:
    """Return the next step.

    Raises:
        ProblemError: trials of a run are not kept.
        TransientError: the database is away.
        _RefusedError: there is none, nor will there be.
    """
    try:
        return advance(asked.experiment, {name: _trials(store, run) for name, run in asked.runs.items()})
    except ScenarioError as error:
        faults = [Fault(field=problem.path, message=str(problem)) for problem in error.problems]
        detail = "A point of the experiment is not valid; see errors."
        raise _RefusedError(detail, faults) from error
    except PermanentError as error:
        words = f"{error.message} {error.next_step}".strip()
        raise _RefusedError(words, [Fault(field="", message=words)]) from error


def _told(step: Step) -> bytes:
    told = {
        "wanted": [
            {"name": batch.name, "scenario": batch.scenario, "seed": batch.seed, "trials": batch.trials}
            for batch in step.wanted
        ],
        "document": step.document,
        "progress": {"points": step.progress.points, "trials": step.progress.trials},
    }
    return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _page(document: dict[str, Any]) -> bytes:
    from headroom_analysis.report.experiments import render_html  # noqa: PLC0415 - matplotlib is dear

    return render_html(document).encode()


def _table(document: dict[str, Any]) -> bytes:
    from headroom_analysis.report.experiments import parquet  # noqa: PLC0415 - as above

    return parquet(document)
