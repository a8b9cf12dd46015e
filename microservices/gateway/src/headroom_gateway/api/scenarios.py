"""Routes of scenarios."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from headroom_common.service.problems import ProblemError, failures
from headroom_gateway.api.answers import DEFAULT_LIMIT, MOST_ITEMS, PREFIX, model, page_headers, tagged
from headroom_gateway.domain.cursors import Place, cursor_of, place_of
from headroom_gateway.fields import Override, ScenarioId
from headroom_gateway.parts import Parts
from headroom_gateway.representations import Scenario, ScenarioPage
from headroom_gateway.security.dependencies import Reader, Runner
from headroom_gateway.storage.times import to_us

MEDIA_TYPES: Final = ("application/yaml", "application/json")
_ALIASES: Final = frozenset({*MEDIA_TYPES, "application/x-yaml", "text/yaml", "text/x-yaml"})
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A scenario, as Headroom's or AsyncFlow's YAML, or the same as JSON.",
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}
Id = Annotated[ScenarioId, Path(description="SHA-256 of the scenario's canonical JSON.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many entries at most.")]
Cursor = Annotated[str | None, Query(description="next_cursor of the page before.")]
Changes = Annotated[list[Override], Query(alias="set", description="Changes, as of `headroom run --set`.")]


def scenarios_router(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/scenarios", tags=["scenarios"])
    _add_making(router, parts)
    _add_reading(router, parts)
    return router


def _add_making(router: APIRouter, parts: Parts) -> None:
    @router.post(
        "",
        status_code=HTTPStatus.CREATED,
        response_model=Scenario,
        responses={
            HTTPStatus.OK.value: {"model": Scenario, "description": "It was stored before."},
            **failures(
                UNPROCESSABLE_ENTITY="The scenario has problems; each is listed with its place.",
                UNSUPPORTED_MEDIA_TYPE="The body is neither YAML nor JSON.",
            ),
        },
        openapi_extra=_BODY,
    )
    async def create_scenario(request: Request, caller: Runner, changes: Changes = []) -> Response:  # noqa: B006 - FastAPI copies it
        """Check a scenario and store it under the hash of its content; storing it again changes nothing."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _ALIASES:
            detail = f"Content-Type: expected {' or '.join(MEDIA_TYPES)}, found {kind[:80] or 'none'}."
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
        new = await parts.submission.checked(await request.body(), changes)
        is_new = await parts.scenarios.add(new, caller.name, parts.clock.now())
        scenario = await parts.scenarios.get(new.id)
        headers = {"Location": f"{PREFIX}/scenarios/{new.id}", "ETag": f'"{new.id}"'}
        return model(scenario, HTTPStatus.CREATED if is_new else HTTPStatus.OK, headers)

    @router.delete(
        "/{scenario_id}",
        status_code=HTTPStatus.NO_CONTENT,
        responses=failures(NOT_FOUND="There is no such scenario.", CONFLICT="Runs use it."),
    )
    async def delete_scenario(scenario_id: Id, caller: Runner) -> Response:  # noqa: ARG001 - it has to be somebody
        """Remove a scenario that no run uses."""
        await parts.scenarios.delete(scenario_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _add_reading(router: APIRouter, parts: Parts) -> None:
    @router.get("", response_model=ScenarioPage, responses=failures(BAD_REQUEST="The cursor is none."))
    async def list_scenarios(
        request: Request,
        caller: Reader,  # noqa: ARG001 - it has to be somebody
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response:
        """List scenarios, newest first, without their documents."""
        found = await parts.scenarios.page(None if cursor is None else place_of(cursor), limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else cursor_of(Place(to_us(last.created_at), last.id))
        page = ScenarioPage(items=list(found[:limit]), next_cursor=following)
        return model(page, headers=page_headers(request, following))

    @router.get(
        "/{scenario_id}",
        response_model=Scenario,
        responses={
            HTTPStatus.NOT_MODIFIED.value: {"description": "The client has it."},
            **failures(NOT_FOUND="There is no such scenario."),
        },
    )
    async def get_scenario(request: Request, scenario_id: Id, caller: Reader) -> Response:  # noqa: ARG001 - it has to be somebody
        """Return a scenario with its document."""
        scenario = await parts.scenarios.get(scenario_id)
        return tagged(request, scenario_id, scenario.model_dump_json())
