from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest

from headroom_common.contracts.envelope import child_id, root_id
from headroom_common.contracts.event import Event, Outgoing, caused_event, root_event
from headroom_common.contracts.events import (
    ArrivalsGenerated,
    Body,
    RunFailed,
    RunRequested,
    SegmentHeader,
    ServiceState,
    ServiceStateChanged,
)
from headroom_common.errors import PermanentError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_root_event_describes_itself(event: Event[Body]) -> None:
    envelope = event.envelope
    assert envelope.id == root_id(envelope.type, event.body.subject)
    assert envelope.correlationid == event.body.correlation
    assert envelope.causationid is None
    assert envelope.traceparent is not None


def test_publishing_again_makes_a_copy_and_no_second_event(bodies: Mapping[str, Body]) -> None:
    body = bodies["headroom.run.requested.v1"]
    first = root_event(body, source="/headroom/gateway/1", time=NOON)
    again = root_event(body, source="/headroom/gateway/2", time=LATER)
    assert first.envelope.id == again.envelope.id
    other = root_event(body, source="/headroom/gateway/1", time=NOON, event_id=UUID(int=1))
    assert other.envelope.id == UUID(int=1)


def test_a_caused_event_follows_from_its_cause(event: Event[Body], header: SegmentHeader) -> None:
    output = Outgoing(ArrivalsGenerated(header, {}), "first")
    caused = caused_event(event.envelope, output, source="/headroom/generator/1", time=NOON)
    again = caused_event(event.envelope, output, source="/headroom/generator/9", time=LATER)
    assert caused.envelope.id == again.envelope.id == child_id(event.envelope.id, "first")
    assert caused.envelope.causationid == event.envelope.id
    assert caused.envelope.correlationid == header.run.run_id
    assert caused.envelope.traceparent == again.envelope.traceparent
    assert str(caused.envelope.traceparent).split("-")[1] == str(event.envelope.traceparent).split("-")[1]


def test_an_output_without_a_name_is_named_by_what_it_is(
    bodies: Mapping[str, Body], header: SegmentHeader
) -> None:
    cause = root_event(bodies["headroom.run.requested.v1"], source="s", time=NOON).envelope
    later = header.model_copy(update={"segment": header.segment + 1})
    outputs = [Outgoing(ArrivalsGenerated(of, {})) for of in (header, later)]
    ids = [caused_event(cause, output, source="s", time=NOON).envelope.id for output in outputs]
    assert ids[0] == child_id(cause.id, f"headroom.arrivals.generated.v1 {header.subject}")
    assert ids[0] != ids[1]


def test_the_run_is_inherited_by_bodies_that_name_none(bodies: Mapping[str, Body]) -> None:
    cause = root_event(bodies["headroom.run.requested.v1"], source="s", time=NOON).envelope
    state = ServiceStateChanged(
        service="a",
        instance="b",
        version="c",
        previous=ServiceState.READY,
        state=ServiceState.STOPPED,
        reason="",
    )
    caused = caused_event(cause, Outgoing(state), source="s", time=NOON)
    assert caused.envelope.correlationid == cause.correlationid


def test_a_cause_without_a_trace_starts_one(bodies: Mapping[str, Body]) -> None:
    cause = root_event(bodies["headroom.run.requested.v1"], source="s", time=NOON).envelope
    assert cause.correlationid is not None
    silent = cause.model_copy(update={"traceparent": None})
    output = Outgoing(RunFailed(run_id=cause.correlationid, reason="x"))
    traced = caused_event(silent, output, source="s", time=NOON).envelope.traceparent
    assert str(traced).split("-")[1] == cause.correlationid.hex


def test_what_breaks_its_contract_never_becomes_an_event(
    bodies: Mapping[str, Body], header: SegmentHeader
) -> None:
    bad = ArrivalsGenerated(header, {"arrivals": {"id": np.zeros(2)}})
    with pytest.raises(PermanentError, match=r"tables\.arrivals\.id: expected int64"):
        root_event(bad, source="s", time=NOON)
    cause = root_event(bodies["headroom.run.requested.v1"], source="s", time=NOON).envelope
    with pytest.raises(PermanentError, match=r"tables\.arrivals\.id: expected int64"):
        caused_event(cause, Outgoing(bad), source="s", time=NOON)


def test_events_know_their_body(bodies: Mapping[str, Body]) -> None:
    requested = root_event(bodies["headroom.run.requested.v1"], source="s", time=NOON)
    assert isinstance(requested.body, RunRequested)
