"""How the OpenAPI document describes bodies and failures."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from headroom_common.service.problems import MEDIA_TYPE

Answers = dict[int | str, dict[str, Any]]
"""Answers of a route by their status."""

JSON: Final = "application/json"


def answer(description: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description of one answer."""
    return {"description": description, "content": {media_type: {"schema": schema}}}


def failures(**reasons: str) -> Answers:
    """Return the descriptions of problem details, given as ``NAME_OF_THE_STATUS="when"``."""
    problem = {"$ref": "#/components/schemas/Problem"}
    return {HTTPStatus[name].value: answer(reason, MEDIA_TYPE, problem) for name, reason in reasons.items()}
