"""How the OpenAPI document describes bodies."""

from __future__ import annotations

from typing import Any, Final

Answers = dict[int | str, dict[str, Any]]
"""Answers of a route by their status."""

JSON: Final = "application/json"


def answer(description: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description of one answer."""
    return {"description": description, "content": {media_type: {"schema": schema}}}
