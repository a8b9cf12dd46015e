"""What an experiment is asked for, as the gateway, the command line and analysis all read it."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from headroom_common.scenario.base import refuse
from headroom_common.scenario.objectives import ObjectiveEntry, parse_measured
from headroom_common.scenario.variations import Variation, VariationText, parse_place, parse_variation

MOST_POINTS: Final = 10_000
"""Most points of one experiment."""

FEWEST_TRIALS: Final = 3
"""Fewest trials that a precision is first judged by: two happen to agree too often."""

MOST_TRIALS: Final = 100_000
"""Most trials of one point."""


def _measured(text: str) -> str:
    parse_measured(text)
    return text


def _place(text: str) -> str:
    parse_place(text)
    return text


Place = Annotated[str, Field(min_length=1, max_length=4_096), AfterValidator(_place)]
"""A place in a scenario, perhaps with a range: `spec.workloads[0].rate`, `spec.servers[0].replicas=1..20`."""


class _Plan(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Replicate(_Plan):
    """One scenario, with as many trials as its precision needs."""

    kind: Literal["replicate"] = "replicate"


class Sweep(_Plan):
    """A scenario at many points.

    Attributes:
        vary: what varies; all combinations of the values are points.
        samples: instead of all combinations, so many points of a Latin hypercube.
    """

    kind: Literal["sweep"] = "sweep"
    vary: Annotated[list[VariationText], Field(min_length=1, max_length=16)]
    samples: Annotated[int, Field(ge=2, le=MOST_POINTS)] | None = None


class Capacity(_Plan):
    """The largest load, or the smallest resource, with which the objectives are met.

    Attributes:
        vary: what varies, with the range to look in, or without one to look around today's value.
        objectives: what has to be met; empty takes the scenario's own.
        find: which end of what meets the objectives; None finds out by what varies.
        tolerance: how close to the limit the answer has to be, as a share of it; whole numbers are exact.
    """

    kind: Literal["capacity"] = "capacity"
    vary: Place
    objectives: Annotated[list[ObjectiveEntry], Field(max_length=100)] = []
    find: Literal["largest", "smallest"] | None = None
    tolerance: Annotated[float, Field(ge=0.0001, le=0.5)] = 0.01


class Compare(_Plan):
    """Two scenarios on the same random numbers.

    Attributes:
        other: the scenario that the experiment's own is compared with.
    """

    kind: Literal["compare"] = "compare"
    other: dict[str, Any]


class Sensitivity(_Plan):
    """Which parameters move a metric most.

    Attributes:
        vary: the parameters with the ranges that they may be in.
        method: Morris' elementary effects, which screen, or Sobol's indices, which share out the variance.
        metric: what they move, such as `latency.p99` or `latency.p99 of server app`.
        samples: trajectories of Morris, or the base sample of Sobol, a power of 2; None takes 10, or 64.
    """

    kind: Literal["sensitivity"] = "sensitivity"
    vary: Annotated[list[VariationText], Field(min_length=2, max_length=64)]
    method: Literal["morris", "sobol"] = "morris"
    metric: Annotated[str, AfterValidator(_measured)] = "latency.p99"
    samples: Annotated[int, Field(ge=2, le=4_096)] | None = None

    @property
    def size(self) -> int:
        """How many trajectories, or points of the base sample."""
        return self.samples or (10 if self.method == "morris" else 64)

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        variations = variations_of(self.vary)
        for variation, text in zip(variations, self.vary, strict=True):
            if len(variation.values) < 2:  # noqa: PLR2004 - what has one value moves nothing
                refuse("a range or several values", text)
        paths = [variation.path for variation in variations]
        for path in paths:
            if paths.count(path) > 1:
                refuse("each place once", path)
        if self.method == "sobol" and self.size.bit_count() != 1:
            refuse("samples that are a power of 2 with the method sobol, such as 64", self.size)
        return self


Plan = Annotated[Replicate | Sweep | Capacity | Compare | Sensitivity, Field(discriminator="kind")]
"""What kind of experiment it is, and what that kind needs."""


class ExperimentOptions(_Plan):
    """What is asked for besides a scenario and a plan.

    Attributes:
        trials: how many trials every point gets at first.
        seed: of all randomness; all points meet the same random numbers.
        confidence: level of the intervals.
        precision: aim for the relative half width of the intervals of what is judged; None takes the trials
            as they are.
        most_trials: of one point, whatever the precision.
        warm_up: `scenario` leaves out what the scenario says, `auto` what MSER-5 finds in a pilot of each
            point.
    """

    trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)] = 10
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    confidence: Annotated[float, Field(ge=0.5, le=0.9999)] = 0.95
    precision: Annotated[float, Field(ge=0.0001, lt=1)] | None = None
    most_trials: Annotated[int, Field(ge=2, le=MOST_TRIALS)] = 200
    warm_up: Literal["scenario", "auto"] = "scenario"

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.precision is not None and self.trials < FEWEST_TRIALS:
            refuse(f"trials of at least {FEWEST_TRIALS}, which a precision starts from", self.trials)
        if self.precision is not None and self.most_trials < self.trials:
            refuse(f"most_trials of at least trials, {self.trials}", self.most_trials)
        return self


class Experiment(ExperimentOptions):
    """An experiment; equal ones give the same bytes, wherever they are run.

    Attributes:
        scenario: the scenario, canonical.
        plan: what is done with it.
    """

    scenario: dict[str, Any]
    plan: Plan

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        points = _points(self.plan)
        if points > MOST_POINTS:
            refuse(f"at most {MOST_POINTS:,} points", f"{points:,} of them", text=True)
        return self


def variations_of(texts: list[str]) -> list[Variation]:
    """Return parsed variations of texts that were checked."""
    return [parse_variation(text) for text in texts]


def _points(plan: object) -> int:
    """Return how many points a plan has, as far as that is known before."""
    match plan:
        case Sweep(samples=None):
            total = 1
            for variation in variations_of(plan.vary):
                total *= len(variation.values)
            return total
        case Sweep():
            return plan.samples or 0
        case Sensitivity():
            each = len(plan.vary) + (1 if plan.method == "morris" else 2)
            return (
                plan.size * each + 2 * len(plan.vary) + 1
            )  # besides, the ends of each range and the scenario
        case _:
            return 1
