"""Lets Schemathesis ask for runs of a scenario that is there; loaded by it, not by tests."""

import os
import re
from typing import Any

import schemathesis
from schemathesis.hooks import HookContext

SCENARIO_ID = os.environ["HEADROOM_OPENAPI_SCENARIO"]
_ID = re.compile(r"[0-9a-f]{64}")


@schemathesis.hook
def map_body(_: HookContext, body: Any) -> Any:
    """Let a run be of the stored scenario where it would be of one that nobody has stored."""
    if isinstance(body, dict) and _is_id(body.get("scenario_id")):
        return {**body, "scenario_id": SCENARIO_ID, "overrides": []}
    return body


@schemathesis.hook
def map_path_parameters(_: HookContext, path_parameters: Any) -> Any:
    """The same where a scenario is looked at."""
    if isinstance(path_parameters, dict) and _is_id(path_parameters.get("scenario_id")):
        return {**path_parameters, "scenario_id": SCENARIO_ID}
    return path_parameters


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None
