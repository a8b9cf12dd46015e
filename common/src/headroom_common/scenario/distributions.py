"""Laws of random durations, their parameters stated by name."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    WrapSerializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from headroom_common.scenario.base import Items, Label, Number, SchemaModel, refuse
from headroom_common.scenario.units import DURATION_JSON_SCHEMA, Duration, PositiveDuration, format_duration

PositiveNumber = Annotated[Number, Field(gt=0)]


class Constant(SchemaModel):
    """Always the same duration; a bare duration such as `12ms` says the same."""

    distribution: Literal["constant"] = Field(description="The law's name.")
    value: Duration = Field(description="The duration.", examples=["12ms"])


class Exponential(SchemaModel):
    """The memoryless law: many short ones, a few long ones."""

    distribution: Literal["exponential"] = Field(description="The law's name.")
    mean: PositiveDuration = Field(
        description="The mean, which is the standard deviation too.", examples=["8ms"]
    )


class Normal(SchemaModel):
    """The bell curve, what falls below 0 drawn again (truncated at 0)."""

    distribution: Literal["normal"] = Field(description="The law's name.")
    mean: Duration = Field(description="The mean before the truncation at 0.", examples=["50ms"])
    sd: Duration = Field(description="The standard deviation before the truncation at 0.", examples=["5ms"])


class LogNormal(SchemaModel):
    """A right-skewed law that fits service and network times well."""

    distribution: Literal["lognormal"] = Field(description="The law's name.")
    mean: PositiveDuration = Field(
        description="The mean of the variable itself (not of its logarithm).", examples=["8ms"]
    )
    sd: Duration = Field(description="The standard deviation of the variable itself.", examples=["4ms"])


class Uniform(SchemaModel):
    """Every duration between two bounds equally likely."""

    distribution: Literal["uniform"] = Field(description="The law's name.")
    low: Duration = Field(description="The least duration.", examples=["1ms"])
    high: Duration = Field(description="The greatest duration, not below `low`.", examples=["5ms"])

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            refuse(
                "high not below low", f"{format_duration(self.high)} < {format_duration(self.low)}", text=True
            )
        return self


class Gamma(SchemaModel):
    """A sum of exponential stages; with `sd` equal to `mean` it is the exponential law."""

    distribution: Literal["gamma"] = Field(description="The law's name.")
    mean: PositiveDuration = Field(description="The mean.", examples=["10ms"])
    sd: PositiveDuration = Field(description="The standard deviation.", examples=["5ms"])


class Weibull(SchemaModel):
    """A law of times to failure; a shape below 1 has a heavy tail, 1 is exponential."""

    distribution: Literal["weibull"] = Field(description="The law's name.")
    shape: PositiveNumber = Field(description="The shape, above 0, without unit.", examples=[1.5])
    scale: PositiveDuration = Field(
        description="The scale: 63.2 % of the values lie below it.", examples=["10ms"]
    )


class Pareto(SchemaModel):
    """The heavy-tailed law of file sizes and rare disasters; a shape of at most 1 has no finite mean."""

    distribution: Literal["pareto"] = Field(description="The law's name.")
    shape: PositiveNumber = Field(
        description="The tail index, above 0, without unit; smaller is heavier.", examples=[2.5]
    )
    minimum: PositiveDuration = Field(description="The least duration.", examples=["2ms"])


class Poisson(SchemaModel):
    """A whole number of milliseconds, Poisson distributed."""

    distribution: Literal["poisson"] = Field(description="The law's name.")
    mean: PositiveDuration = Field(
        description="The mean; every value is a whole number of ms.", examples=["3ms"]
    )


class Empirical(SchemaModel):
    """A measured law: equally spaced quantiles from minimum to maximum, straight lines between them."""

    distribution: Literal["empirical"] = Field(description="The law's name.")
    quantiles: Items[Duration] = Field(
        description=(
            "At least two durations in ascending order: equally spaced from the least to the greatest."
        ),
        min_length=2,
        max_length=100_000,
        examples=[["1ms", "2ms", "9ms"]],
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for before, after in zip(self.quantiles, self.quantiles[1:], strict=False):
            if after < before:
                found = f"{format_duration(after)} after {format_duration(before)}"
                refuse("quantiles in ascending order", found, text=True)
        return self


def _wrap_bare_duration(value: object) -> object:
    """Read a bare duration as the constant law; numbers go the same way and earn its message about units."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | dict | SchemaModel):
        refuse("a duration such as 12ms, or a mapping with 'distribution'", value)
    if isinstance(value, dict | SchemaModel):
        return value
    return {"distribution": "constant", "value": value}


def _write_bare_duration(value: Any, handler: SerializerFunctionWrapHandler) -> Any:  # noqa: ANN401 - pydantic's signature
    return format_duration(value.value) if isinstance(value, Constant) else handler(value)


class _OrBareDuration:
    """Adds the bare duration to the JSON Schema of the laws."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [DURATION_JSON_SCHEMA, handler(core_schema)]}


Dist = Annotated[
    Constant | Exponential | Normal | LogNormal | Uniform | Gamma | Weibull | Pareto | Poisson | Empirical,
    Field(discriminator="distribution"),
    BeforeValidator(_wrap_bare_duration),
    WrapSerializer(_write_bare_duration, when_used="json"),
    _OrBareDuration(),
    Label("duration or law"),
]
"""A law of durations: a bare duration, or a mapping with `distribution` and its parameters."""


def is_always_zero(law: Dist) -> bool:
    """Tell whether every sample of *law* is 0."""
    match law:
        case Constant(value=0) | Uniform(high=0) | Normal(mean=0, sd=0):
            return True
        case Empirical(quantiles=quantiles):
            return quantiles[-1] == 0
    return False
