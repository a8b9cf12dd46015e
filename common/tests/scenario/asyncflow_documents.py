"""Shorthands for the tests of AsyncFlow's format."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from headroom_common.scenario import Scenario, ScenarioError, load_scenario

EVERY_TIME = 2
"""The notes on windows and on unfinished requests belong to every conversion."""


def converted(payload: dict[str, Any]) -> Scenario:
    return load_scenario(yaml.safe_dump(payload)).scenario


def notes(payload: dict[str, Any]) -> list[str]:
    return list(load_scenario(yaml.safe_dump(payload)).warnings[EVERY_TIME:])


def problems(payload: dict[str, Any]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(yaml.safe_dump(payload))
    return [str(problem).split(": ", 1)[1] for problem in caught.value.problems]


def edge(payload: dict[str, Any], index: int) -> dict[str, Any]:
    found: dict[str, Any] = payload["topology_graph"]["edges"][index]
    return found


def nodes(payload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = payload["topology_graph"]["nodes"]
    return found
