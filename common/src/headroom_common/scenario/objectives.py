"""Objectives: what the backend must hold, as a sentence or a mapping."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from headroom_common.scenario.base import EndpointName, Label, Name, SchemaModel, refuse
from headroom_common.scenario.suggestions import did_you_mean
from headroom_common.scenario.units import (
    NANOSECONDS_PER_SECOND,
    THRESHOLD_JSON_SCHEMA,
    format_duration,
    format_rate,
    format_ratio,
    parse_duration,
    parse_rate,
    parse_ratio,
)

Metric = Literal[
    "latency.mean",
    "latency.p50",
    "latency.p90",
    "latency.p95",
    "latency.p99",
    "latency.p999",
    "latency.max",
    "error_ratio",
    "throughput",
    "utilisation",
]
Operator = Literal["below", "above"]
ScopeKind = Literal["workload", "endpoint", "server"]

_MEASURE: Final = r"(?P<metric>\S+)(?:\s+of\s+(?P<kind>workload|endpoint|server)\s+(?P<scope>\S(?:.*\S)?))?"
_MEASURED: Final = re.compile(rf"^\s*{_MEASURE}\s*$")
_SENTENCE: Final = re.compile(rf"^\s*{_MEASURE}\s+(?P<operator>below|above)\s+(?P<threshold>\S(?:.*\S)?)\s*$")
_MAX_SENTENCE: Final = 256


def _parse_threshold(metric: object, value: object) -> float:
    """Return *value* in the unit of *metric*: seconds, requests per second, or a fraction."""
    if metric == "throughput":
        return parse_rate(value)
    if metric in ("error_ratio", "utilisation"):
        return parse_ratio(value)
    return parse_duration(value) / NANOSECONDS_PER_SECOND


Threshold = Annotated[
    float | None,
    WithJsonSchema(dict(THRESHOLD_JSON_SCHEMA)),
    Label("duration, ratio or rate, as the metric wants"),
]
"""A bound in SI units: seconds, requests per second, or a fraction."""


class Objective(SchemaModel):
    """A bound on one metric; the run passes when every objective is met.

    The sentence `latency.p99 of server app below 250ms` says the same as a mapping; its "of …" part is
    optional.
    """

    metric: Metric = Field(
        description="What is judged. Latencies are of requests answered `ok`.", examples=["latency.p99"]
    )
    below: Threshold = Field(
        default=None,
        description="The metric must stay below: a duration, a ratio or a rate, as the metric wants.",
        examples=["250ms"],
    )
    above: Threshold = Field(
        default=None,
        description="The metric must stay above; exactly one of `below` and `above`.",
        examples=["100/s"],
    )
    workload: Name | None = Field(default=None, description="Judge only this workload's requests.")
    endpoint: EndpointName | None = Field(default=None, description="Judge only this endpoint's requests.")
    server: Name | None = Field(
        default=None, description="Judge only this server (required by `utilisation`)."
    )

    @property
    def operator(self) -> Operator:
        """`below` or `above`."""
        return "below" if self.below is not None else "above"

    @property
    def threshold(self) -> float:
        """The bound: seconds for latencies, requests per second for throughput, else a fraction."""
        return self.below if self.below is not None else (self.above or 0.0)

    @property
    def scope(self) -> tuple[ScopeKind, str] | None:
        """What the objective is limited to, such as `("server", "app")`; None for the whole scenario."""
        if self.workload is not None:
            return "workload", self.workload
        if self.endpoint is not None:
            return "endpoint", self.endpoint
        return ("server", self.server) if self.server is not None else None

    @property
    def text(self) -> str:
        """The objective as a sentence, which parses back to the same objective."""
        of = " of {} {}".format(*self.scope) if self.scope else ""
        return f"{self.metric}{of} {self.operator} {self._threshold_text()}"

    def _threshold_text(self) -> str:
        if self.metric == "throughput":
            return format_rate(self.threshold)
        if self.metric in ("error_ratio", "utilisation"):
            return format_ratio(self.threshold)
        return format_duration(round(self.threshold * NANOSECONDS_PER_SECOND))

    @model_validator(mode="before")
    @classmethod
    def _parse_thresholds(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        if not isinstance(data, dict):
            return data
        metric = data.get("metric")
        parsed = dict(data)
        for operator in ("below", "above"):
            if data.get(operator) is not None:
                parsed[operator] = _parse_threshold(metric, data[operator])
        return parsed

    @model_validator(mode="after")
    def _one_bound_one_scope(self) -> Self:
        if (self.below is None) == (self.above is None):
            found = "neither" if self.below is None else "both"
            refuse("exactly one of 'below' and 'above'", found, text=True)
        scopes = [kind for kind in ("workload", "endpoint", "server") if getattr(self, kind) is not None]
        if len(scopes) > 1:
            refuse("at most one scope: workload, endpoint or server", " and ".join(scopes), text=True)
        if self.metric == "utilisation" and self.server is None:
            refuse("a 'server' with the metric utilisation", "none", text=True)
        return self


@dataclass(frozen=True, slots=True)
class Measured:
    """What an objective is about, without its bound.

    Attributes:
        metric: the metric.
        kind: `workload`, `endpoint`, `server`, or None for the whole scenario.
        name: of what it is limited to, or None.
    """

    metric: str
    kind: str | None
    name: str | None


def parse_measured(text: str) -> Measured:
    """Read `METRIC [of workload|endpoint|server NAME]`, such as `latency.p99 of server app`.

    Raises:
        ValueError: the text is none; it says what was expected and what was found.
    """
    match = _MEASURED.match(text) if len(text) <= _MAX_SENTENCE else None
    if match is None:
        refuse("a metric such as 'latency.p99' or 'latency.p99 of server app'", text)
    metric, kind, name = match.groups()
    if metric not in get_args(Metric):
        refuse(f"one of {', '.join(get_args(Metric))}", metric, did_you_mean(metric, get_args(Metric)))
    if metric == "utilisation" and kind != "server":
        refuse("a server with the metric utilisation, such as 'utilisation of server app'", text)
    return Measured(metric, kind, name)


def read_sentence(value: object) -> object:
    """Return the mapping that a sentence stands for; what is no text comes back as it is.

    Raises:
        ValueError: the text is no sentence of this form.
    """
    if not isinstance(value, str):
        return value
    match = _SENTENCE.match(value) if len(value) <= _MAX_SENTENCE else None
    if match is None:
        refuse(
            "an objective such as 'latency.p99 below 250ms' or 'latency.p99 of server app below 250ms'", value
        )
    mapping = {"metric": match["metric"], match["operator"]: match["threshold"]}
    return mapping | ({match["kind"]: match["scope"]} if match["kind"] else {})


class _OrSentence:
    """Adds the sentence to the JSON Schema of an objective."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        sentence = {
            "type": "string",
            "pattern": f"^({'|'.join(map(re.escape, get_args(Metric)))})( of .+)? (below|above) .+$",
            "description": "METRIC [of workload|endpoint|server NAME] below|above VALUE",
            "examples": ["latency.p99 below 250ms", "utilisation of server app below 80%"],
        }
        return {"anyOf": [sentence, handler(core_schema)]}


ObjectiveEntry = Annotated[
    Objective,
    BeforeValidator(read_sentence),
    _OrSentence(),
    PlainSerializer(lambda o: o.text, return_type=str, when_used="json"),
]
"""An objective, written as a sentence or a mapping."""
