"""Routes of what scenarios are made of."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from headroom_common.scenario.explain import Explanation, explain, walk
from headroom_common.scenario.json_schema import json_schema
from headroom_common.service.problems import failures
from headroom_gateway.security.dependencies import Reader


def schema_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["schema"])

    @router.get("/explain", responses=failures(NOT_FOUND="The schema has no such field."))
    async def explain_field(
        caller: Reader,  # noqa: ARG001 - it has to be somebody
        path: Annotated[str, Query(max_length=500, examples=["spec.servers.endpoints.steps"])] = "",
        *,
        recursive: bool = False,
    ) -> dict[str, Any]:
        """Tell what a field of a scenario means, what it takes, and what is inside it."""
        return _told(explain(path), recursive=recursive)

    @router.get("/schema")
    async def get_schema(caller: Reader) -> dict[str, Any]:  # noqa: ARG001 - it has to be somebody
        """Return the JSON Schema of scenarios, for editors."""
        return json_schema()

    return router


def _told(explanation: Explanation, *, recursive: bool) -> dict[str, Any]:
    told = asdict(explanation)
    if recursive:
        told["children"] = [
            asdict(below.child) | {"depth": below.depth, "same_as": below.same_as}
            for below in walk(explanation)
        ]
    return told
