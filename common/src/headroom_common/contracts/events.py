"""The bodies of all events: frozen, strict models for control events; a header with tables for data events.

A body never changes within its version. A new field means a new type string, ``….v2``, beside the old one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, model_validator

from headroom_common.contracts.columns import Tables
from headroom_common.defaults import SEGMENT_ARRIVALS

_STRICT = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
_JSON_OBJECT = TypeAdapter(dict[str, JsonValue], config=ConfigDict(strict=True, allow_inf_nan=False))


def _json_object(value: dict[str, Any]) -> dict[str, Any]:
    # Checked where it is made: a NaN or a NumPy scalar would change or fail only once it crosses a broker.
    _JSON_OBJECT.validate_python(value)
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_json_object)]
"""A mapping that holds nothing but JSON values with finite numbers."""

Index = Annotated[int, Field(ge=0)]
"""A position counted from 0."""

Count = Annotated[int, Field(ge=1)]
"""A number of things, at least one."""


class RunParameters(BaseModel):
    """Everything that a run depends on; it travels in every event of the run.

    Attributes:
        run_id: the run.
        scenario: the scenario as canonical JSON, defaults filled in.
        scenario_hash: hash of that JSON.
        seed: seed of the run, 0 ≤ seed < 2⁶⁴.
        trials: how many replications.
        segment_arrivals: aim for the number of arrivals in one segment; changes no result.
        window: how many trials may be in flight at once; changes no result.
        late_bound: whether the server model decides all routing; changes no result.
        confidence: level of the confidence intervals, in (0, 1).
    """

    model_config = _STRICT

    run_id: UUID
    scenario: JsonObject
    scenario_hash: Annotated[str, Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    trials: Count
    segment_arrivals: Count = SEGMENT_ARRIVALS
    window: Count = 2
    late_bound: bool = False
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class ControlBody(BaseModel):
    """Base of the bodies that travel as JSON."""

    model_config = _STRICT

    @property
    def subject(self) -> str:
        """What the event is about, as the envelope's ``subject`` says it."""
        raise NotImplementedError

    @property
    def correlation(self) -> UUID | None:
        """The run that the event belongs to, None when there is none."""
        raise NotImplementedError


class RunRequested(ControlBody):
    """A run was asked for.

    Attributes:
        run: what to run.
    """

    run: RunParameters

    @property
    def subject(self) -> str:
        """The run."""
        return str(self.run.run_id)

    @property
    def correlation(self) -> UUID | None:
        """The run."""
        return self.run.run_id


class TrialAnalysed(ControlBody):
    """Everything of one trial has been folded into its statistics; the next trial may start.

    Attributes:
        run: the run's parameters.
        trial: which trial, from 0.
    """

    run: RunParameters
    trial: Index

    @property
    def subject(self) -> str:
        """The run and the trial."""
        return f"{self.run.run_id}/{self.trial}"

    @property
    def correlation(self) -> UUID | None:
        """The run."""
        return self.run.run_id


class _OfRun(ControlBody):
    run_id: UUID

    @property
    def subject(self) -> str:
        """The run."""
        return str(self.run_id)

    @property
    def correlation(self) -> UUID | None:
        """The run."""
        return self.run_id


class RunProgressed(_OfRun):
    """A run came further.

    Attributes:
        run_id: the run.
        trials_done: trials analysed so far.
        trials: trials in all.
        requests: requests simulated so far, over all trials.
        simulated_ns: virtual time simulated so far, summed over all trials, in nanoseconds.
        trial: the trial whose progress is told.
    """

    trials_done: Index
    trials: Count
    requests: Index
    simulated_ns: Index
    trial: Index


class RunCompleted(_OfRun):
    """All trials of a run are analysed.

    Attributes:
        run_id: the run.
        result: the result document (``headroom.result/v1``).
    """

    result: JsonObject


class RunFailed(_OfRun):
    """A run cannot be completed.

    Attributes:
        run_id: the run.
        reason: what went wrong, for its user.
        field: path of the scenario's field at fault, None when it is none.
    """

    reason: Annotated[str, Field(min_length=1)]
    field: str | None = None


class RunCancelled(_OfRun):
    """A run is no longer wanted.

    Attributes:
        run_id: the run.
    """


class RunStopped(_OfRun):
    """A cancelled run has stopped: nothing of it is simulated or counted any more.

    Attributes:
        run_id: the run.
        trials_done: trials that were analysed by then.
        result: the result document (``headroom.result/v1``) of these trials, None when there is none.
    """

    trials_done: Index
    result: JsonObject | None = None


class RunDeleted(_OfRun):
    """A run was deleted: whatever is kept of it is to be removed.

    Attributes:
        run_id: the run.
    """


class ServiceState(StrEnum):
    """The states of a service, as its event manager tracks them."""

    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    DRAINING = "draining"
    STOPPED = "stopped"


class ServiceStateChanged(ControlBody):
    """One instance of a service went from one state to another.

    Attributes:
        service: name of the service.
        instance: which of its instances.
        version: version of its distribution.
        previous: the state that it left.
        state: the state that it entered.
        reason: why, for the operator.
    """

    service: Annotated[str, Field(min_length=1)]
    instance: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    previous: ServiceState
    state: ServiceState
    reason: str

    @property
    def subject(self) -> str:
        """The service and its instance."""
        return f"{self.service}/{self.instance}"

    @property
    def correlation(self) -> UUID | None:
        """None: a service's state belongs to no run."""
        return None


class ServicePolled(ControlBody):
    """Somebody wants to know which instances of services there are.

    Each of them answers with a ``ServiceStateChanged`` whose state and previous state are the same. One that
    is gone does not answer.

    Attributes:
        poll_id: tells one poll from another.
    """

    poll_id: UUID

    @property
    def subject(self) -> str:
        """The poll."""
        return str(self.poll_id)

    @property
    def correlation(self) -> UUID | None:
        """None: a poll belongs to no run."""
        return None


class SegmentHeader(BaseModel):
    """Which piece of which run a data event carries.

    Attributes:
        run: the run's parameters.
        trial: which trial, from 0.
        segment: which segment of the trial, from 0.
        watermark_ns: virtual time up to which the sender knows everything, in nanoseconds.
        final: whether this is the trial's last segment.
    """

    model_config = _STRICT

    run: RunParameters
    trial: Index
    segment: Index
    watermark_ns: int
    final: bool

    @property
    def subject(self) -> str:
        """The run, the trial and the segment."""
        return f"{self.run.run_id}/{self.trial}/{self.segment}"


class CompletedHeader(SegmentHeader):
    """A segment header for completions, which are cut into parts of bounded size.

    Attributes:
        part: which part of the segment, from 0.
        parts: how many parts the segment has.
    """

    part: Index
    parts: Count

    @model_validator(mode="after")
    def _part_is_one_of_parts(self) -> Self:
        if self.part >= self.parts:
            msg = f"part: expected less than parts ({self.parts}), found {self.part}"
            raise ValueError(msg)
        return self

    @property
    def subject(self) -> str:
        """The run, the trial, the segment and the part."""
        return f"{super().subject}/{self.part}"


@dataclass(frozen=True)
class SegmentData:
    """Base of the bodies that travel as columns.

    Who receives tables never writes into them: in one process they are shared by reference.

    Attributes:
        header: which segment.
        tables: its tables, each a mapping of column names to arrays of equal length.
    """

    header: SegmentHeader
    tables: Tables

    @property
    def subject(self) -> str:
        """What the header is about."""
        return self.header.subject

    @property
    def correlation(self) -> UUID | None:
        """The run."""
        return self.header.run.run_id


@dataclass(frozen=True)
class ArrivalsGenerated(SegmentData):
    """The arrivals of one segment, at the clients."""


@dataclass(frozen=True)
class RequestsRouted(SegmentData):
    """The requests of one segment as they reach the servers, or as late-bound ones enter the server model."""


@dataclass(frozen=True)
class SegmentSimulated(SegmentData):
    """A segment has been simulated; the tables are the states that every stage carries into the next one."""


@dataclass(frozen=True)
class RequestsCompleted(SegmentData):
    """Requests that ended within one segment, with the servers' accounts.

    Attributes:
        header: which part of which segment.
        tables: the completed requests and the accounts.
    """

    header: CompletedHeader


Body = ControlBody | SegmentData
"""Any body of an event."""
