"""The registry of contracts: which type string means which body, who sends it, and who takes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from headroom_common.contracts import events
from headroom_common.contracts.columns import (
    ARRIVALS_GENERATED,
    REQUESTS_COMPLETED,
    TableSpec,
    validate_tables,
)
from headroom_common.contracts.events import Body, ControlBody, SegmentData, SegmentHeader
from headroom_common.errors import PermanentError

JSON: Final = "application/json"
"""Media type of control events."""

ARROW: Final = "application/vnd.apache.arrow.stream"
"""Media type of data events: Arrow IPC streams."""


@dataclass(frozen=True)
class Contract:
    """What everyone may rely on about one type of event.

    Attributes:
        event_type: versioned type string.
        body: class of its bodies.
        summary: what it says, in one sentence.
        producers: services that send it.
        consumers: services that take it.
        must_route: whether the event has to reach somebody. When nobody subscribed, an event that must is
            kept among the unroutable ones, any other is dropped.
        private: those consumers of which every instance gets a copy of its own, instead of competing with
            the others.
        header: class of the header of a data event, None for control events.
        tables: tables that a data event declares besides states, None when any may come.
    """

    event_type: str
    body: type[ControlBody] | type[SegmentData]
    summary: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    must_route: bool
    private: tuple[str, ...] = ()
    header: type[SegmentHeader] | None = None
    tables: Mapping[str, TableSpec] | None = None

    @property
    def kind(self) -> Literal["control", "data"]:
        """Whether the body travels as JSON or as columns."""
        return "control" if self.header is None else "data"

    @property
    def content_type(self) -> str:
        """Media type of the body on the wire."""
        return JSON if self.header is None else ARROW

    def check(self, body: Body) -> int:
        """Check what a body's own class does not: the tables of a data event. Returns their bytes.

        Raises:
            PermanentError: the body or its header is of another class, or a table breaks the contract.
        """
        if type(body) is not self.body:
            msg = f"{self.event_type}: expected {self.body.__name__}, found {type(body).__name__}"
            raise PermanentError(msg)
        if not isinstance(body, SegmentData):
            return 0
        header = type(body.header)
        if header is not self.header:
            expected = "no header" if self.header is None else self.header.__name__
            msg = f"{self.event_type}: header: expected {expected}, found {header.__name__}"
            raise PermanentError(msg)
        return validate_tables(body.tables, self.tables)


_STAGES = ("generator", "router", "server-model")
_RING = (*_STAGES, "analysis")
_ALL = ("gateway", *_RING)

_CONTRACTS: Final = (
    Contract(
        "headroom.run.requested.v1",
        events.RunRequested,
        "A run was asked for.",
        producers=("gateway",),
        consumers=("generator",),
        must_route=True,
    ),
    Contract(
        "headroom.run.cancelled.v1",
        events.RunCancelled,
        "A run is no longer wanted; analysis says it again to stages that go on with it.",
        producers=("gateway", "analysis"),
        consumers=_RING,
        must_route=False,
        private=_STAGES,
    ),
    Contract(
        "headroom.arrivals.generated.v1",
        events.ArrivalsGenerated,
        "The arrivals of one segment, at the clients.",
        producers=("generator",),
        consumers=("router",),
        must_route=True,
        header=SegmentHeader,
        tables=ARRIVALS_GENERATED,
    ),
    Contract(
        "headroom.requests.routed.v1",
        events.RequestsRouted,
        "The requests of one segment as they reach the servers.",
        producers=("router",),
        consumers=("server-model",),
        must_route=True,
        header=SegmentHeader,
    ),
    Contract(
        "headroom.segment.simulated.v1",
        events.SegmentSimulated,
        "A segment has been simulated; carries every stage's state into the next segment.",
        producers=("server-model",),
        consumers=("generator",),
        must_route=True,
        header=SegmentHeader,
    ),
    Contract(
        "headroom.requests.completed.v1",
        events.RequestsCompleted,
        "Requests that ended, with the servers' accounts.",
        producers=("server-model",),
        consumers=("analysis",),
        must_route=True,
        header=events.CompletedHeader,
        tables=REQUESTS_COMPLETED,
    ),
    Contract(
        "headroom.trial.analysed.v1",
        events.TrialAnalysed,
        "A trial is folded into its statistics; the next one may start.",
        producers=("analysis",),
        consumers=("generator",),
        must_route=True,
    ),
    Contract(
        "headroom.run.progressed.v1",
        events.RunProgressed,
        "A run came further.",
        producers=("analysis",),
        consumers=("gateway",),
        must_route=False,
    ),
    Contract(
        "headroom.run.completed.v1",
        events.RunCompleted,
        "All trials of a run are analysed; carries the result document.",
        producers=("analysis",),
        consumers=("gateway",),
        must_route=True,
    ),
    Contract(
        "headroom.run.failed.v1",
        events.RunFailed,
        "A run cannot be completed, and why.",
        producers=_RING,
        consumers=("gateway",),
        must_route=True,
    ),
    Contract(
        "headroom.run.stopped.v1",
        events.RunStopped,
        "A cancelled run has stopped; carries what was analysed by then, if anything.",
        producers=("analysis",),
        consumers=("gateway",),
        must_route=True,
    ),
    Contract(
        "headroom.run.deleted.v1",
        events.RunDeleted,
        "A run was deleted; whatever is kept of it is to be removed.",
        producers=("gateway",),
        consumers=("analysis",),
        must_route=False,
    ),
    Contract(
        "headroom.service.state_changed.v1",
        events.ServiceStateChanged,
        "An instance of a service went from one state to another, or tells its state when polled.",
        producers=_ALL,
        consumers=("gateway",),
        must_route=False,
        private=("gateway",),
    ),
    Contract(
        "headroom.service.polled.v1",
        events.ServicePolled,
        "Every instance of every service is asked for its state.",
        producers=("gateway",),
        consumers=_ALL,
        must_route=False,
        private=_ALL,
    ),
)


def _by_type(contracts: Iterable[Contract]) -> Mapping[str, Contract]:
    return MappingProxyType({contract.event_type: contract for contract in contracts})


CONTRACTS: Final = _by_type(_CONTRACTS)
"""Every contract by its type string, in the order of an event's way."""

_BY_BODY: Final[Mapping[type[object], Contract]] = MappingProxyType(
    {contract.body: contract for contract in _CONTRACTS}
)


def contract_for(event_type: str) -> Contract:
    """Return the contract of a type string.

    Raises:
        PermanentError: no contract has this type (an unknown event, or a version that this release has not).
    """
    contract = CONTRACTS.get(event_type)
    if contract is None:
        msg = f"type: expected one of {', '.join(CONTRACTS)}, found {event_type!r}"
        raise PermanentError(msg, next_step="Deploy a release that knows this event, then replay it.")
    return contract


def contract_of(body: type[object]) -> Contract:
    """Return the contract of a class of bodies.

    Raises:
        PermanentError: the class is no event's body.
    """
    contract = _BY_BODY.get(body)
    if contract is None:
        msg = f"body: expected the class of an event's body, found {body.__name__}"
        raise PermanentError(msg)
    return contract
