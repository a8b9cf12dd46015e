"""What the models of the interface are made of."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

SCENARIO_ID: Final = r"^[0-9a-f]{64}$"
ScenarioId = Annotated[str, Field(pattern=SCENARIO_ID)]
"""SHA-256 of a scenario's canonical JSON."""

MOST_TRIALS: Final = 1_000_000
Trials = Annotated[int, Field(ge=1, le=MOST_TRIALS)]
# OpenAPI's limits are floating-point numbers, in which 2**63 - 1 cannot be said.
_INT64: Final = WithJsonSchema({"type": "integer", "minimum": 0, "format": "int64"})
Seed = Annotated[int, Field(ge=0, lt=2**63), _INT64]
Confidence = Annotated[float, Field(ge=0.5, le=0.9999)]
SegmentArrivals = Annotated[int, Field(ge=1, le=10_000_000)]
Override = Annotated[str, Field(min_length=3, max_length=4096, examples=["spec.servers[0].replicas=4"])]
Overrides = Annotated[list[Override], Field(max_length=256)]


class Asked(BaseModel):
    """What clients send: nothing unknown in it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Told(BaseModel):
    """What clients receive: a newer gateway may tell more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def require_one_scenario(scenario_id: object, scenario: object) -> None:
    """Refuse a request that names no scenario, or two.

    Raises:
        ValueError: it does.
    """
    if (scenario_id is None) == (scenario is None):
        found = "neither" if scenario is None else "both"
        message = f"expected one of scenario_id and scenario, found {found}"
        raise ValueError(message)
