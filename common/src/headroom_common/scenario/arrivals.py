"""Workloads: who sends requests, when, and what they want."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from headroom_common.scenario.base import EndpointName, Items, Name, Number, SchemaModel, refuse
from headroom_common.scenario.distributions import Dist, is_always_zero
from headroom_common.scenario.units import (
    NANOSECONDS_PER_SECOND,
    Duration,
    PositiveDuration,
    PositiveRate,
    Rate,
    format_duration,
)

MAX_TRACE_TIMES = 1_000_000


class RatePoint(SchemaModel):
    """One corner of a rate that changes over time."""

    at: Duration = Field(description="The time since the start.", examples=["60s"])
    rate: Rate = Field(
        description="The rate from here on (step), or here exactly (linear).", examples=["400/s"]
    )


class RateProfile(SchemaModel):
    """A rate that changes over time: steps, or straight ramps between points."""

    shape: Literal["step", "linear"] = Field(
        description=(
            "`step` holds each rate until the next point; `linear` ramps between points. The last one holds."
        )
    )
    points: Items[RatePoint] = Field(
        description="The corners in ascending order of `at`, the first at 0s.",
        min_length=1,
        max_length=10_000,
        examples=[[{"at": "0s", "rate": "100/s"}, {"at": "60s", "rate": "400/s"}]],
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.points[0].at != 0:
            refuse("the first point at 0s", format_duration(self.points[0].at), text=True)
        for before, after in zip(self.points, self.points[1:], strict=False):
            if after.at <= before.at:
                found = f"{format_duration(after.at)} after {format_duration(before.at)}"
                refuse("points in ascending order of 'at'", found, text=True)
        if not any(point.rate for point in self.points):
            refuse("a rate above 0 in at least one point", "0/s everywhere", text=True)
        return self


def _rate_form(value: object) -> str:
    return "profile" if isinstance(value, dict | RateProfile) else "constant"


ArrivalRate = Annotated[
    Annotated[PositiveRate, Tag("constant")] | Annotated[RateProfile, Tag("profile")],
    Discriminator(_rate_form),
]
"""A constant rate such as `250/s`, or a profile over time."""


class PoissonArrivals(SchemaModel):
    """Independent clients: random arrivals at a rate that may change over time (a Poisson process)."""

    kind: Literal["poisson"] = Field(description="The kind of arrivals.")
    rate: ArrivalRate = Field(
        description="Requests per unit of time: a rate, or a profile over time.", examples=["250/s"]
    )


class UserCount(SchemaModel):
    """How many users are active, drawn anew in every window."""

    mean: Annotated[Number, Field(gt=0, le=1e9)] = Field(
        description="The mean number of users.", examples=[400]
    )
    law: Literal["poisson", "normal"] = Field(
        default="poisson", description="The law of the number: Poisson, or normal truncated at 0."
    )
    sd: Annotated[Number, Field(ge=0, le=1e9)] | None = Field(
        default=None,
        description="The standard deviation; required by `normal`, refused by `poisson`.",
        examples=[20],
    )

    @model_validator(mode="after")
    def _spread_fits_law(self) -> Self:
        if self.law == "normal" and self.sd is None:
            refuse("'sd' with law: normal", "none", text=True)
        if self.law == "poisson" and self.sd is not None:
            refuse("no 'sd' with law: poisson (its mean says it)", self.sd)
        return self


class UserArrivals(SchemaModel):
    """A crowd whose size is drawn anew in every window; each user sends requests at random."""

    kind: Literal["users"] = Field(description="The kind of arrivals.")
    users: UserCount = Field(description="The number of active users.")
    rate_per_user: PositiveRate = Field(
        description="Requests of one active user per unit of time.", examples=["20/min"]
    )
    window: PositiveDuration = Field(
        default=60 * NANOSECONDS_PER_SECOND, description="How long a drawn number of users stays."
    )


class DeterministicArrivals(SchemaModel):
    """Evenly spaced arrivals, the first after one gap."""

    kind: Literal["deterministic"] = Field(description="The kind of arrivals.")
    rate: ArrivalRate = Field(
        description="Requests per unit of time: a rate, or a profile over time.", examples=["100/s"]
    )


class TraceArrivals(SchemaModel):
    """Recorded arrivals, replayed at their times."""

    kind: Literal["trace"] = Field(description="The kind of arrivals.")
    times: Items[Duration] = Field(
        default_factory=tuple,
        description=(
            "Arrival times since the start, in ascending order; those at or after the horizon are left out."
        ),
        max_length=MAX_TRACE_TIMES,
        examples=[["0s", "12ms", "30ms"]],
    )
    file: str | None = Field(
        default=None,
        exclude=True,
        description="Instead of `times`: a file next to the YAML with one column of seconds or durations.",
        examples=["trace.csv"],
    )

    @model_validator(mode="after")
    def _has_ascending_times(self) -> Self:
        if self.file is not None:
            refuse("'times' (a 'file' is read only when the scenario is loaded from a file)", self.file)
        if not self.times:
            refuse("'times' or 'file'", "neither", text=True)
        for before, after in zip(self.times, self.times[1:], strict=False):
            if after < before:
                found = f"{format_duration(after)} after {format_duration(before)}"
                refuse("times in ascending order", found, text=True)
        return self


class ClosedArrivals(SchemaModel):
    """A fixed number of users who each wait for an answer, think, and ask again (a closed loop)."""

    kind: Literal["closed"] = Field(description="The kind of arrivals.")
    users: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="The number of users.", examples=[100]
    )
    think_time: Dist = Field(
        description="The pause between an answer and the user's next request; also before the first.",
        examples=["1s", {"distribution": "exponential", "mean": "2s"}],
    )

    @model_validator(mode="after")
    def _users_pause(self) -> Self:
        if is_always_zero(self.think_time):
            hint = "a user who is refused at once would ask again at the same instant, for ever; write 1ms"
            refuse("a think_time above 0", "always 0s", hint, text=True)
        return self


Arrivals = Annotated[
    PoissonArrivals | UserArrivals | DeterministicArrivals | TraceArrivals | ClosedArrivals,
    Field(discriminator="kind"),
]
"""How requests arrive, told apart by `kind`."""


class MixEntry(SchemaModel):
    """One endpoint of a workload's mix."""

    endpoint: EndpointName = Field(
        description="An endpoint that every reachable server has.", examples=["/api"]
    )
    weight: Annotated[Number, Field(gt=0, le=1e9)] = Field(
        default=1.0, description="Its share relative to the other weights."
    )


class WorkloadSpec(SchemaModel):
    """A stream of requests of one kind of client."""

    name: Name = Field(description="The workload's name, unique.", examples=["shoppers"])
    entry: Name = Field(
        description="Where requests enter: a router, or a server with one replica.", examples=["lb"]
    )
    via: Items[Name] = Field(
        default=(), description="The links crossed before the entry, in order.", examples=[["internet"]]
    )
    arrivals: Arrivals = Field(description="When requests arrive, told apart by `kind`.")
    mix: Items[MixEntry] = Field(
        default_factory=tuple,
        description=(
            "The endpoints asked for and their weights; by default the only endpoint of the reachable "
            "servers."
        ),
        examples=[[{"endpoint": "/api", "weight": 3}, {"endpoint": "/search"}]],
    )
    sessions: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        default=1000, description="The number of distinct session keys, which consistent hashing routes by."
    )
    timeout: PositiveDuration | None = Field(
        default=None,
        description="How long the client waits for an answer; none means for ever. Not for closed workloads.",
        examples=["2s"],
    )

    @model_validator(mode="after")
    def _no_timeout_in_a_closed_loop(self) -> Self:
        if self.timeout is not None and isinstance(self.arrivals, ClosedArrivals):
            refuse(
                "no 'timeout' with arrivals of kind closed",
                format_duration(self.timeout),
                "a user's think time starts when the answer arrives, so the user never stops waiting",
                text=True,
            )
        return self
