"""What the interface takes and gives, as typed models; the Python client reads the same ones.

Times are in UTC. Ratios are fractions; durations are in seconds unless a name ends in its unit.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from headroom_gateway import examples
from headroom_gateway.domain.lives import RunState
from headroom_gateway.fields import (
    Asked,
    Confidence,
    Overrides,
    ScenarioId,
    Seed,
    SegmentArrivals,
    Told,
    Trials,
    require_one_scenario,
)


class Scope(StrEnum):
    """What a credential allows; each one allows what stands before it, too."""

    READ = "read"
    RUN = "run"
    ADMIN = "admin"


class ScenarioSummary(Told):
    """A stored scenario, without its document.

    Attributes:
        id: SHA-256 of its canonical JSON: equal scenarios have equal ids.
        name: ``metadata.name``.
        description: ``metadata.description``.
        created_at: when it was stored first.
        created_by: who stored it first.
        requests_per_trial: how many requests a trial will have, about.
    """

    id: ScenarioId
    name: str
    description: str
    created_at: datetime
    created_by: str
    requests_per_trial: float


class Scenario(ScenarioSummary):
    """A stored scenario.

    Attributes:
        warnings: what its author should know though it runs.
        document: the scenario in full, defaults filled in.
    """

    warnings: list[str]
    document: dict[str, Any]


class _RunOptions(Asked):
    """What decides a run besides its scenario.

    Attributes:
        overrides: changes of the scenario, as of ``headroom run --set``.
        segment_arrivals: aim for the number of arrivals in one event; changes no result.
        late_bound: whether the server model decides all routing; changes no result.
    """

    overrides: Overrides = Field(default=[])
    segment_arrivals: SegmentArrivals | None = None
    late_bound: bool = False


class NewRun(_RunOptions):
    """A run that is asked for; exactly one of ``scenario_id`` and ``scenario`` is given.

    Attributes:
        scenario_id: a stored scenario.
        scenario: a scenario, which is stored: its YAML as text, or the same as JSON.
        trials: how many independent replications.
        seed: seed of all randomness.
        confidence: level of the confidence intervals.
    """

    scenario_id: ScenarioId | None = None
    scenario: str | dict[str, Any] | None = None
    trials: Trials = 10
    seed: Seed = 1
    confidence: Confidence = 0.95

    model_config = examples.shown(*examples.NEW_RUNS)

    @model_validator(mode="after")
    def _one_scenario(self) -> Self:
        require_one_scenario(self.scenario_id, self.scenario)
        return self


class ClonedRun(_RunOptions):
    """A run like another one; what is not given is as there.

    Attributes:
        trials: how many independent replications.
        seed: seed of all randomness.
        confidence: level of the confidence intervals.
    """

    model_config = examples.shown(examples.CLONED_RUN)

    trials: Trials | None = None
    seed: Seed | None = None
    confidence: Confidence | None = None


class Progress(Told):
    """How far a run has come.

    Attributes:
        trials_done: trials finished so far.
        trials: trials in all.
        requests: requests simulated so far, over all trials.
        simulated: virtual time simulated so far, in seconds, over all trials.
        total: virtual time to simulate, in seconds, over all trials.
    """

    model_config = examples.shown(examples.PROGRESS)

    trials_done: int
    trials: int
    requests: int
    simulated: float
    total: float


class Failure(Told):
    """Why a run failed.

    Attributes:
        reason: what went wrong.
        field: path of the scenario's field at fault; null when it is none.
        last_event: the last that was heard of the run before.
    """

    model_config = examples.shown(examples.FAILURE)

    reason: str
    field: str | None = None
    last_event: str | None = None


class ResultInfo(Told):
    """What is known of a run's result without fetching it.

    Attributes:
        hash: SHA-256 of the document: equal results have equal hashes.
        size: bytes of the document.
        verdict: whether the objectives are met; ``none`` without objectives.
        trials: how many trials are in it.
        partial: whether the run ended before all its trials were done.
        cached: whether it is the stored result of an equal run.
    """

    model_config = examples.shown(examples.RESULT)

    hash: str
    size: int
    verdict: Literal["pass", "miss", "none"]
    trials: int
    partial: bool
    cached: bool


class Run(Told):
    """A run.

    Attributes:
        id: the run.
        scenario_id: its scenario.
        scenario_name: the scenario's name.
        state: where it is in its life.
        trials: how many independent replications.
        seed: seed of all randomness.
        confidence: level of the confidence intervals.
        segment_arrivals: aim for the number of arrivals in one event.
        late_bound: whether the server model decides all routing.
        created_at: when it was accepted.
        created_by: who asked for it.
        clone_of: the run that it was cloned from.
        experiment_id: the experiment that wanted it; null when a caller did.
        batch: which run of its experiment it is.
        started_at: when it was handed to the services.
        ended_at: when it ended.
        sequence: number of its latest news; each change adds one.
        progress: how far it has come; null before the first news.
        failure: why it failed.
        result: its result; null while there is none.
    """

    model_config = examples.shown(examples.RUN)

    id: UUID
    scenario_id: ScenarioId
    scenario_name: str
    state: RunState
    trials: int
    seed: int
    confidence: float
    segment_arrivals: int
    late_bound: bool
    created_at: datetime
    created_by: str
    clone_of: UUID | None = None
    experiment_id: UUID | None = None
    batch: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    sequence: int
    progress: Progress | None = None
    failure: Failure | None = None
    result: ResultInfo | None = None


class RunPage(Told):
    """Some runs, newest first.

    Attributes:
        items: the runs.
        next_cursor: where the next page begins; null on the last one.
    """

    items: list[Run]
    next_cursor: str | None = None


class ScenarioPage(Told):
    """Some scenarios, newest first.

    Attributes:
        items: the scenarios, without their documents.
        next_cursor: where the next page begins; null on the last one.
    """

    items: list[ScenarioSummary]
    next_cursor: str | None = None


class RunEvent(Told):
    """News of a run, as the data of a server-sent event; the event's name is ``state`` or ``progress``.

    Attributes:
        run_id: the run.
        sequence: number of the news within the run, ascending; the ``id`` of the server-sent event.
        at: when it became known.
        state: the run's state from then on.
        progress: how far the run had come.
        failure: why it failed.
        result: its result.
    """

    run_id: UUID
    sequence: int
    at: datetime
    state: RunState
    progress: Progress | None = None
    failure: Failure | None = None
    result: ResultInfo | None = None


class Instance(Told):
    """One instance of a service.

    Attributes:
        instance: which one.
        version: version of its distribution.
        state: its state.
        reason: why it is in this state.
        seen_at: when it was heard of last.
    """

    instance: str
    version: str
    state: str
    reason: str
    seen_at: datetime


class ServiceStatus(Told):
    """One service.

    Attributes:
        name: the service.
        working: whether an instance of it takes events.
        versions: the versions that run.
        instances: its instances.
        lag: events that wait for it, by type; null when the broker does not tell.
    """

    name: str
    working: bool
    versions: list[str]
    instances: list[Instance]
    lag: dict[str, int] | None = None


class ServicesReport(Told):
    """All services of the platform.

    Attributes:
        services: the services, in the order of the data's way.
    """

    services: list[ServiceStatus]


class NewKey(Asked):
    """An API key that is asked for.

    Attributes:
        name: what it is for.
        scope: what it allows.
        expires_in_days: for how long; null for ever.
    """

    model_config = examples.shown(examples.NEW_KEY)

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    scope: Scope = Field(default=Scope.RUN, strict=False)
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class Key(Told):
    """An API key, without its secret.

    Attributes:
        id: the key.
        name: what it is for.
        scope: what it allows.
        created_at: when it was made.
        created_by: who made it.
        expires_at: when it ends; null for never.
        last_used_at: the last time that it was used, to the hour; null for never.
    """

    id: str
    name: str
    scope: Scope
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


class CreatedKey(Key):
    """A new API key.

    Attributes:
        secret: what a client sends as ``Authorization: Bearer …``; it is shown this once.
    """

    secret: str


class KeyList(Told):
    """All API keys.

    Attributes:
        items: the keys, newest first.
    """

    items: list[Key]
