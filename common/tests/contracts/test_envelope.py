from datetime import UTC, datetime, timedelta, timezone
from uuid import NAMESPACE_DNS, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headroom_common.contracts.envelope import (
    NAMESPACE,
    Envelope,
    child_id,
    child_trace,
    root_id,
    trace_of,
)
from headroom_common.errors import PermanentError

CAUSE = UUID("6f1c2a34-8a1e-5b0e-9a57-0d9d4a3b2c11")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
envelopes = st.builds(
    Envelope,
    id=st.uuids(),
    source=texts,
    type=texts,
    subject=texts,
    time=st.datetimes(timezones=st.just(UTC)),
    datacontenttype=st.just("application/json"),
    correlationid=st.none() | st.uuids(),
    causationid=st.none() | st.uuids(),
    traceparent=st.none() | st.just(TRACE),
)


def headers(**changes: str | None) -> dict[str, str]:
    complete: dict[str, str | None] = {
        "ce-specversion": "1.0",
        "ce-id": str(CAUSE),
        "ce-source": "/headroom/router/1",
        "ce-type": "headroom.run.requested.v1",
        "ce-subject": "x",
        "ce-time": "2026-11-20T10:00:00Z",
        "ce-datacontenttype": "application/json",
    }
    complete.update({f"ce-{name}": value for name, value in changes.items()})
    return {name: value for name, value in complete.items() if value is not None}


@given(envelopes)
def test_headers_carry_the_whole_envelope(envelope: Envelope) -> None:
    assert Envelope.from_headers(envelope.headers()) == envelope


@given(envelopes)
def test_headers_are_prefixed_texts_without_absent_attributes(envelope: Envelope) -> None:
    carried = envelope.headers()
    assert all(name.startswith("ce-") and isinstance(value, str) for name, value in carried.items())
    assert ("ce-causationid" in carried) is (envelope.causationid is not None)


def test_other_headers_are_passed_over() -> None:
    assert Envelope.from_headers({**headers(), "x-death": "1"}) == Envelope.from_headers(headers())


def test_times_are_told_in_utc() -> None:
    envelope = Envelope.from_headers(headers(time="2026-11-20T12:00:00+02:00"))
    assert envelope.time == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert envelope.headers()["ce-time"] == "2026-11-20T10:00:00Z"
    local = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2)))
    assert envelope.model_copy(update={"time": local}).time == envelope.time


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": None}, "id: Field required"),
        ({"id": "seven"}, "id: .*'seven'"),
        ({"specversion": "0.3"}, "specversion: .*'0.3'"),
        ({"time": "2026-11-20T10:00:00"}, "time: .*offset"),
        ({"time": "yesterday"}, "time: .*'yesterday'"),
        ({"source": ""}, "source: .*at least 1"),
        ({"traceparent": TRACE[:-1]}, "traceparent: .*W3C"),
        ({"traceparent": "00-" + "0" * 32 + TRACE[35:]}, "traceparent: .*W3C"),
        ({"correlationid": "run-1"}, "correlationid: .*'run-1'"),
        ({"partitionkey": "a"}, "partitionkey: .*'a'"),
    ],
)
def test_a_bad_attribute_is_named(changes: dict[str, str | None], named: str) -> None:
    with pytest.raises(PermanentError, match=f"^envelope: {named}") as raised:
        Envelope.from_headers(headers(**changes))
    assert raised.value.next_step


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(PermanentError, match=r"…$") as raised:
        Envelope.from_headers(headers(id="x" * 10_000))
    assert len(str(raised.value)) < 300


def test_an_envelope_cannot_be_changed() -> None:
    envelope = Envelope.from_headers(headers())
    with pytest.raises(ValidationError, match="frozen"):
        envelope.subject = "y"  # type: ignore[misc] # on purpose


@given(st.uuids(), texts, texts)
def test_child_ids_follow_from_cause_and_name(cause: UUID, name: str, other: str) -> None:
    assert child_id(cause, name) == child_id(cause, name) == uuid5(cause, name)
    assert (child_id(cause, name) == child_id(cause, other)) is (name == other)


def test_ids_never_change_between_releases() -> None:
    # A changed rule would make every event in flight during an update count twice.
    # The first pair is the UUIDv5 example of RFC 9562, appendix A.4.
    assert child_id(NAMESPACE_DNS, "www.example.com") == UUID("2ed6657d-e927-568b-95e1-2665a8aea6a2")
    assert root_id("headroom.run.requested.v1", "x") == uuid5(NAMESPACE, "headroom.run.requested.v1 x")
    assert UUID("3511a171-fffe-5f55-9ce5-eac533f21076") == NAMESPACE


@given(st.uuids(), st.uuids())
def test_a_trace_keeps_its_id_and_flags_from_cause_to_child(run: UUID, event: UUID) -> None:
    started = trace_of(run, event)
    child = child_trace(started, child_id(event, "a"))
    assert started.split("-")[:2] == child.split("-")[:2] == ["00", run.hex]
    assert started.split("-")[3] == child.split("-")[3] == "01"
    assert started.split("-")[2] != child.split("-")[2]
    assert child_trace(TRACE[:-2] + "00", event).endswith("-00")
