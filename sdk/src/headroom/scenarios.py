"""From what a caller calls a scenario to a checked one."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from headroom_common.scenario import Scenario
from headroom_common.scenario.draft import plain
from headroom_common.scenario.loading import load_scenario
from headroom_common.scenario.problems import ScenarioError, places
from headroom_common.scenario.traces import inline_traces


class ScenarioWarning(UserWarning):
    """Something about a scenario that its author should know although it runs."""


def as_scenario(scenario: Scenario | Mapping[str, Any] | str | Path) -> Scenario:
    """The checked scenario; what the author of a file should know is told as a `ScenarioWarning`.

    Args:
        scenario: a checked scenario, a mapping as its YAML would give, or the path of a YAML file.

    Raises:
        ScenarioError: something is wrong; every problem is listed with its path.
    """
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, Mapping):
        return parse(scenario)
    loaded = load_scenario(Path(scenario))
    for warning in loaded.warnings:
        warnings.warn(warning, ScenarioWarning, stacklevel=3)
    return loaded.scenario


def parse(document: Mapping[str, Any]) -> Scenario:
    """The checked scenario of a mapping as its YAML would give; trace files lie in the current folder.

    Raises:
        ScenarioError: something is wrong; every problem is listed with its path.
    """
    own: dict[str, Any] = plain(document)
    found = list(inline_traces(own, Path()))
    try:
        scenario = Scenario.from_dict(own)
    except ValidationError as error:
        found += places(error, Scenario, own)
    if found:
        raise ScenarioError(dict.fromkeys(place.problem for place in found))
    return scenario
