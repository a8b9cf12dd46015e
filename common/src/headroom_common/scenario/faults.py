"""Faults: what breaks, and from when to when."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from headroom_common.scenario.base import Name, Number, SchemaModel, refuse
from headroom_common.scenario.topology import MAX_REPLICAS
from headroom_common.scenario.units import (
    Duration,
    PositiveDuration,
    Ratio,
    format_duration,
    parse_duration,
)

_NO_END = -1


class _Fault(SchemaModel):
    """What every fault has: a span of time [start, end)."""

    name: Name | None = Field(
        default=None, description="A name for reports; optional.", examples=["rack-7-outage"]
    )
    start: Duration = Field(description="When it begins, since the start.", examples=["60s"])
    end: Duration = Field(
        default_factory=lambda: _NO_END, description="When it is over; or say `duration`.", examples=["90s"]
    )
    duration: Duration | None = Field(
        default=None, exclude=True, description="How long it lasts, instead of `end`.", examples=["30s"]
    )

    @model_validator(mode="before")
    @classmethod
    def _end_of_duration(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        if not isinstance(data, dict) or data.get("duration") is None:
            return data
        if data.get("end") is not None:
            refuse("either 'end' or 'duration'", "both", text=True)
        try:
            end = parse_duration(data.get("start")) + parse_duration(data["duration"])
        except ValueError:  # the fields' own validation says it, with their paths
            return data
        return {key: value for key, value in data.items() if key != "duration"} | {
            "end": format_duration(end)
        }

    @model_validator(mode="after")
    def _has_a_span(self) -> Self:
        if self.end == _NO_END:
            refuse("'end' or 'duration'", "neither", text=True)
        if self.end <= self.start:
            found = f"{format_duration(self.start)} to {format_duration(self.end)}"
            refuse("an end after the start", found, text=True)
        return self


class _ServerFault(_Fault):
    """What every fault of a server has."""

    server: Name = Field(description="The server.", examples=["app"])
    replica: Annotated[int, Field(ge=0, lt=MAX_REPLICAS)] | None = Field(
        default=None, description="The replica's index from 0; none means all of them."
    )


class ServerDown(_ServerFault):
    """A server is down: routers stop choosing it, what arrives is refused."""

    kind: Literal["server_down"] = Field(description="The kind of fault.")
    in_flight: Literal["continue", "lost"] = Field(
        default="continue",
        description="What happens to requests inside: they go on, or they are lost at the start.",
    )


class LinkDelay(_Fault):
    """A link is slower: every crossing that departs within takes longer."""

    kind: Literal["link_delay"] = Field(description="The kind of fault.")
    link: Name = Field(description="The link.", examples=["lan"])
    extra: PositiveDuration = Field(description="The delay added to each crossing.", examples=["50ms"])


class LinkLoss(_Fault):
    """A link is lossy: its probability of loss grows."""

    kind: Literal["link_loss"] = Field(description="The kind of fault.")
    link: Name = Field(description="The link.", examples=["lan"])
    loss: Ratio = Field(
        description="Added to the link's own probability of loss (capped at 100%).", examples=["10%"]
    )


class ServerSlowdown(_ServerFault):
    """A server is slow: cpu steps that start within take longer."""

    kind: Literal["server_slowdown"] = Field(description="The kind of fault.")
    factor: Annotated[Number, Field(ge=1, le=1e6)] = Field(
        description="How many times longer cpu steps take, at least 1.", examples=[3]
    )


Fault = Annotated[ServerDown | LinkDelay | LinkLoss | ServerSlowdown, Field(discriminator="kind")]
"""A fault, told apart by `kind`."""
