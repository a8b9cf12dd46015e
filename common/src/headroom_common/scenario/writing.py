"""A scenario written as YAML that people like to read."""

from typing import Any

import yaml

from headroom_common.scenario.model import Scenario

_WIDTH = 100


def to_yaml(scenario: Scenario) -> str:
    """Return *scenario* as YAML, without what is default anyway; loading it gives an equal scenario."""
    document: dict[str, Any] = scenario.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
    )
    spec = document["spec"]
    if "faults" in spec:
        spec["faults"] = [{"kind": fault["kind"]} | fault for fault in spec["faults"]]
    # With None, PyYAML writes only the innermost lists and mappings on one line.
    text: str = yaml.safe_dump(
        document, default_flow_style=None, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return text
