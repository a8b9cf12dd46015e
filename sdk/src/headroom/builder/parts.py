"""What every function of the builder returns: a piece of a scenario, with the keys that the YAML has."""

from collections.abc import Mapping
from typing import Any

Part = dict[str, Any]
"""A piece of a scenario as plain data; the keys are the YAML's."""

Law = str | Mapping[str, Any]
"""A duration such as `"12ms"`, or a law of random durations such as `exponential("8ms")`."""


def given(**keys: Any) -> Part:  # noqa: ANN401 - values of any field pass through
    """The keys that were given a value; None stands for "not written", so that the schema's default holds."""
    return {key: value for key, value in keys.items() if value is not None}
