"""The root of the schema: `Scenario`, with its metadata and spec."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from headroom_common.scenario.arrivals import WorkloadSpec
from headroom_common.scenario.base import DnsLabel, Items, SchemaModel
from headroom_common.scenario.draft import Loc, plain
from headroom_common.scenario.expansion import expand, without_template
from headroom_common.scenario.faults import Fault
from headroom_common.scenario.objectives import ObjectiveEntry
from headroom_common.scenario.problems import ScenarioError, places
from headroom_common.scenario.references import check_spec
from headroom_common.scenario.topology import LinkSpec, RouterSpec, ServerSpec, Templates
from headroom_common.scenario.units import Duration, PositiveDuration
from headroom_common.scenario.variations import VariationText

DEFAULT_SAMPLES = 300


class Metadata(SchemaModel):
    """What the scenario is called."""

    name: DnsLabel = Field(
        description="The scenario's name: lower-case letters, digits and '-'.", examples=["two-servers"]
    )
    description: str = Field(default="", description="What the scenario is about; it changes no result.")
    labels: dict[str, str] = Field(
        default_factory=dict, description="Your own key-value pairs; they change no result."
    )


def _default_sample_period(data: dict[str, Any]) -> int:
    """Return a 300th of the horizon, rounded up to a whole millisecond."""
    horizon: int = data["horizon"]
    return -(-horizon // (DEFAULT_SAMPLES * 10**6)) * 10**6


class Spec(SchemaModel):
    """What is simulated, for how long, and what it must hold."""

    horizon: PositiveDuration = Field(description="How long arrivals go on; at most 30d.", examples=["600s"])
    warmup: Duration = Field(
        default=0,
        description="What is left out of the statistics at the start; below the horizon.",
        examples=["30s"],
    )
    sample_period: PositiveDuration = Field(
        default_factory=_default_sample_period,
        description="The period of the sampled series; by default a 300th of the horizon in whole ms.",
        examples=["500ms"],
    )
    templates: Templates | None = Field(
        default=None,
        exclude=True,
        description=(
            "Bodies that several servers share: a server that says `template: web` takes over its keys."
        ),
    )
    workloads: Items[WorkloadSpec] = Field(
        description="Who sends requests, at least one.", min_length=1, max_length=1_000
    )
    links: Items[LinkSpec] = Field(default=(), description="The network links.", max_length=10_000)
    routers: Items[RouterSpec] = Field(default=(), description="The load balancers.", max_length=1_000)
    servers: Items[ServerSpec] = Field(
        description="The servers, at least one.", min_length=1, max_length=100_000
    )
    faults: Items[Fault] = Field(default=(), description="What breaks, and when.", max_length=10_000)
    objectives: Items[ObjectiveEntry] = Field(default=(), description="What must hold.", max_length=1_000)

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - pydantic's signature
        """Expand the spec, then report the problems of single fields and those between objects together."""
        if not isinstance(data, dict):
            return handler(data)
        raw, findings = expand(plain(data))
        findings += check_spec(raw)
        errors: list[InitErrorDetails] = []
        try:
            spec = handler(raw)
        except ValidationError as error:
            errors = _line_errors(error, without_template(findings))
        else:
            if not findings:
                return spec
        errors += [InitErrorDetails(type=f.error, loc=f.loc, input=None) for f in findings]
        raise ValidationError.from_exception_data(cls.__name__, errors)


def _line_errors(error: ValidationError, incomplete: set[Loc]) -> list[InitErrorDetails]:
    """Return the lines of *error* as ingredients of a new one, without those that only repeat another.

    Args:
        error: what validating the spec raised.
        incomplete: the servers whose missing keys say nothing.
    """
    kept = []
    for line in error.errors(include_url=False):
        if line["type"] == "default_factory_not_called":
            continue  # the field that the default is made of is wrong and reported itself
        if line["type"] == "missing" and line["loc"][:2] in incomplete:
            continue
        words = PydanticCustomError(line["type"], line["msg"], line.get("ctx"))
        kept.append(InitErrorDetails(type=words, loc=line["loc"], input=line["input"]))
    return kept


class SweepSpec(SchemaModel):
    """What `headroom sweep` varies; a run takes no notice of it."""

    vary: Items[VariationText] = Field(
        description="Places and the values that they take; all combinations are simulated.",
        examples=[["spec.servers[0].replicas=2..10", "spec.workloads[0].rate=100/s,200/s"]],
        min_length=1,
        max_length=16,
    )
    samples: int | None = Field(
        default=None,
        ge=2,
        le=10_000,
        description="Instead of all combinations, so many points of a Latin hypercube.",
    )


class Scenario(SchemaModel):
    """One backend, its traffic, its faults and its objectives."""

    api_version: Literal["headroom.dev/v1"] = Field(alias="apiVersion", description="The schema's version.")
    kind: Literal["Scenario"] = Field(description="The kind of document.")
    metadata: Metadata = Field(description="What the scenario is called.")
    spec: Spec = Field(description="What is simulated, for how long, and what it must hold.")
    sweep: SweepSpec | None = Field(
        default=None, exclude=True, description="What `headroom sweep` varies; it changes no run."
    )

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Build a scenario from the mapping that its YAML would give.

        Raises:
            ScenarioError: something is wrong; every problem is listed with its path.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            found = places(error, cls, document)
            raise ScenarioError([place.problem for place in found]) from error

    @classmethod
    def from_yaml(cls, text_or_path: str | Path) -> Self:
        """Load a scenario from YAML: a `Path` is read as a file, a text is the YAML itself.

        Raises:
            ScenarioError: something is wrong; every problem is listed with path and line.
        """
        from headroom_common.scenario.loading import load_scenario  # noqa: PLC0415 - loading builds on this module

        return cls.model_validate(load_scenario(text_or_path).scenario)

    def canonical(self) -> dict[str, Any]:
        """Return the scenario as its author would write it, JSON-able and complete.

        Units are human ("12ms"), templates expanded, defaults filled; loading it again gives an equal
        scenario.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def content_hash(self) -> str:
        """Return the SHA-256 (hex) of what decides the result.

        It depends neither on the order of keys nor on the spelling of units, and leaves out
        `metadata.description` and
        `metadata.labels`: what is only read by people does not change a scenario's identity.
        """
        document = self.canonical()
        document["metadata"] = {"name": self.metadata.name}
        text = json.dumps(
            document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        return hashlib.sha256(text.encode()).hexdigest()
