"""What the interface takes and gives of experiments, as `representations` has of runs."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from headroom_common.experiments.model import (
    Capacity,
    ExperimentOptions,
    Replicate,
    Sensitivity,
    Sweep,
)
from headroom_gateway import examples
from headroom_gateway.domain.lives import RunState
from headroom_gateway.fields import Asked, Overrides, ScenarioId, Seed, Told, require_one_scenario

Kind = Literal["replicate", "sweep", "capacity", "compare", "sensitivity"]


class NewCompare(Asked):
    """Two scenarios on the same random numbers.

    Attributes:
        other: the scenario that the experiment's own is compared with: its YAML as text, or the same as JSON.
    """

    kind: Literal["compare"] = "compare"
    other: str | dict[str, Any]


NewPlan = Annotated[Replicate | Sweep | Capacity | NewCompare | Sensitivity, Field(discriminator="kind")]


class NewExperiment(ExperimentOptions):
    """An experiment that is asked for; exactly one of ``scenario_id`` and ``scenario`` is given.

    Attributes:
        scenario_id: a stored scenario.
        scenario: a scenario, which is stored: its YAML as text, or the same as JSON.
        overrides: changes of the scenario, as of ``headroom run --set``.
        plan: what is done with it.
        seed: of all randomness; all points meet the same random numbers.
    """

    scenario_id: ScenarioId | None = None
    scenario: str | dict[str, Any] | None = None
    overrides: Overrides = Field(default=[])
    plan: NewPlan
    seed: Seed = 1

    model_config = examples.shown(*examples.NEW_EXPERIMENTS)

    @model_validator(mode="after")
    def _one_scenario(self) -> Self:
        require_one_scenario(self.scenario_id, self.scenario)
        return self


class ExperimentProgress(Told):
    """How far an experiment has come; more runs and points may follow, for what is found out decides it.

    Attributes:
        rounds: how often runs were wanted so far.
        points: points so far.
        runs_done: runs that have completed.
        runs: runs that were wanted so far.
        trials_done: trials finished so far.
        trials: trials that were wanted so far.
        requests: requests simulated so far.
    """

    model_config = examples.shown(examples.EXPERIMENT_PROGRESS)

    rounds: int
    points: int
    runs_done: int
    runs: int
    trials_done: int
    trials: int
    requests: int


class ExperimentFailure(Told):
    """Why an experiment failed.

    Attributes:
        reason: what went wrong.
        field: path of the field at fault; null when it is none.
    """

    reason: str
    field: str | None = None


class ExperimentResultInfo(Told):
    """What is known of an experiment's result without fetching it.

    Attributes:
        hash: SHA-256 of the document: equal results have equal hashes.
        size: bytes of the document.
    """

    hash: str
    size: int


class Experiment(Told):
    """An experiment.

    Attributes:
        id: the experiment.
        kind: what kind of experiment it is.
        scenario_id: its scenario.
        scenario_name: the scenario's name.
        plan: what is done with the scenario; of a comparison without the other scenario.
        trials: how many trials every point gets at first.
        seed: seed of all randomness.
        confidence: level of the confidence intervals.
        precision: aim for the relative half width of the intervals; null takes the trials as they are.
        most_trials: of one point, whatever the precision.
        warm_up: whether the scenario says what is left out, or a pilot of each point finds out.
        state: where it is in its life.
        created_at: when it was accepted.
        created_by: who asked for it.
        started_at: when its first runs were wanted.
        ended_at: when it ended.
        sequence: number of its latest news; each change adds one.
        progress: how far it has come.
        failure: why it failed.
        result: its result; null while there is none.
    """

    model_config = examples.shown(examples.EXPERIMENT)

    id: UUID
    kind: Kind
    scenario_id: ScenarioId
    scenario_name: str
    plan: dict[str, Any]
    trials: int
    seed: int
    confidence: float
    precision: float | None = None
    most_trials: int
    warm_up: Literal["scenario", "auto"]
    state: RunState
    created_at: datetime
    created_by: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    sequence: int
    progress: ExperimentProgress
    failure: ExperimentFailure | None = None
    result: ExperimentResultInfo | None = None


class ExperimentPage(Told):
    """Some experiments, newest first.

    Attributes:
        items: the experiments.
        next_cursor: where the next page begins; null on the last one.
    """

    items: list[Experiment]
    next_cursor: str | None = None


class ExperimentEvent(Told):
    """News of an experiment, as the data of a server-sent event named ``state`` or ``progress``.

    Attributes:
        experiment_id: the experiment.
        sequence: number of the news within the experiment, ascending; the ``id`` of the server-sent event.
        at: when it became known.
        state: the experiment's state from then on.
        progress: how far it had come.
        failure: why it failed.
        result: its result.
    """

    experiment_id: UUID
    sequence: int
    at: datetime
    state: RunState
    progress: ExperimentProgress
    failure: ExperimentFailure | None = None
    result: ExperimentResultInfo | None = None
