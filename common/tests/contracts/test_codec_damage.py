"""Bodies and headers that are not what they say: each is refused with its reason."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headroom_common.contracts.codec import decode, encode
from headroom_common.contracts.event import Event, root_event
from headroom_common.contracts.events import Body
from headroom_common.contracts.wire import Encoded
from headroom_common.errors import PermanentError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def data(bodies: Mapping[str, Body]) -> Encoded:
    return encode(root_event(bodies["headroom.arrivals.generated.v1"], source="s", time=NOON))


@pytest.fixture
def control(bodies: Mapping[str, Body]) -> Encoded:
    return encode(root_event(bodies["headroom.run.requested.v1"], source="s", time=NOON))


def stream(columns: Mapping[str, Any], metadata: Mapping[str, str], dtype: str = "int64") -> bytes:
    fields = [
        pa.field(name, array.type, metadata={"headroom.dtype": dtype}) for name, array in columns.items()
    ]
    batch = pa.RecordBatch.from_arrays(
        list(columns.values()), schema=pa.schema(fields, metadata=cast("Any", metadata))
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def metadata_of(encoded: Encoded) -> dict[str, str]:
    found = pa.ipc.open_stream(encoded.body).schema.metadata or {}
    return {key.decode(): value.decode() for key, value in found.items()}


def refusal(encoded: Encoded, body: bytes) -> str:
    with pytest.raises(PermanentError) as raised:
        decode(Encoded(encoded.headers, body))
    assert raised.value.next_step
    return str(raised.value)


def test_every_truncation_is_refused(event: Event[Body]) -> None:
    encoded = encode(event)
    step = max(1, len(encoded.body) // 60)
    for length in range(0, len(encoded.body) - 1, step):
        assert encoded.headers["ce-type"] in refusal(encoded, encoded.body[:length])


def test_a_body_cut_between_two_streams_is_refused(data: Encoded) -> None:
    source = pa.BufferReader(data.body)
    pa.ipc.open_stream(source).read_all()
    assert "expected 4 streams, found 1" in refusal(data, data.body[: source.tell()])


def test_a_longer_body_is_refused(data: Encoded) -> None:
    assert "Arrow IPC" in refusal(data, data.body + b"garbage")
    extra = stream({}, {})
    assert "expected 4 streams, found 5" in refusal(data, data.body + extra)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(garbage=st.binary(max_size=400))
def test_garbage_is_refused(data: Encoded, control: Encoded, garbage: bytes) -> None:
    for encoded in (data, control):
        assert encoded.headers["ce-type"] in refusal(encoded, garbage)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(position=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_damaged_byte_is_refused_or_harmless(data: Encoded, position: int, value: int) -> None:
    damaged = bytearray(data.body)
    damaged[position % len(damaged)] = value
    try:
        decoded = decode(Encoded(data.headers, bytes(damaged)))
    except PermanentError:
        return
    assert decoded.envelope.type == data.headers["ce-type"]


def test_another_wire_format_is_refused(data: Encoded) -> None:
    metadata = metadata_of(data)
    assert "expected wire format 1 or 2, found '3'" in refusal(
        data, stream({}, metadata | {"headroom.format": "3"})
    )
    assert "expected wire format 1 or 2, found 'none'" in refusal(data, stream({}, {}))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("headroom.header", "{}", "run: Field required"),
        ("headroom.header", "", "body: Invalid JSON"),
        ("headroom.tables", "[1]", "tables: 0: Input should be a valid string"),
        ("headroom.tables", "nothing", "tables: body: Invalid JSON"),
    ],
)
def test_spoiled_metadata_is_refused(data: Encoded, key: str, value: str, message: str) -> None:
    assert message in refusal(data, stream({}, metadata_of(data) | {key: value}))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1, None]), r"tables.router.x.a: expected a value in every row, found 1 nulls"),
        (pa.array([1.5]), "tables.router.x.a: expected int64 or a narrower form, found float64"),
        (pa.array(["a"]), "tables.router.x.a: expected int64 or a narrower form, found object"),
        (pa.array([[1]]), "tables.router.x.a: expected int64 or a narrower form, found object"),
        (pa.array([1], pa.timestamp("ns")), "expected int64 or a narrower form, found datetime64"),
    ],
)
def test_columns_of_other_types_are_refused(data: Encoded, column: Any, message: str) -> None:
    metadata = metadata_of(data) | {"headroom.tables": '["router.x"]'}
    assert message in refusal(data, stream({"a": column}, metadata))


def test_an_unknown_dtype_is_refused(data: Encoded) -> None:
    metadata = metadata_of(data) | {"headroom.tables": '["router.x"]'}
    body = stream({"a": pa.array([1])}, metadata, "int65")
    assert "tables.router.x.a: expected a dtype of bool" in refusal(data, body)


def test_two_columns_of_one_name_are_refused(data: Encoded) -> None:
    metadata = metadata_of(data) | {"headroom.tables": '["router.x"]'}
    body = stream({"a": pa.array([1]), "b": pa.array([2])}, metadata)
    spoiled = body.replace(b"\x01\x00\x00\x00b\x00", b"\x01\x00\x00\x00a\x00")
    assert spoiled != body
    assert "expected one column of this name, found two" in refusal(data, spoiled)


def test_a_stream_of_several_batches_is_refused(data: Encoded) -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema.with_metadata(metadata_of(data))) as writer:
        for _ in range(2):
            writer.write_batch(batch)
    assert "a stream of several batches" in refusal(data, sink.getvalue().to_pybytes())


def test_not_a_number_is_refused(data: Encoded) -> None:
    metadata = metadata_of(data) | {"headroom.tables": '["router.x"]'}
    body = stream({"a": pa.array(np.array([0.0, np.nan]))}, metadata, "float64")
    assert "tables.router.x.a: expected numbers, found NaN in row 1" in refusal(data, body)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ce-type", "headroom.run.requested.v9", "expected one of .* found 'headroom.run.requested.v9'"),
        ("ce-type", "headroom.run.cancelled.v1", "run_id: Field required"),
        ("ce-datacontenttype", "text/plain", "expected application/json, found 'text/plain'"),
        ("ce-subject", "another run", "subject: expected .* as in the body, found 'another run'"),
    ],
)
def test_headers_that_contradict_the_body_are_refused(
    control: Encoded, name: str, value: str, message: str
) -> None:
    with pytest.raises(PermanentError, match=message):
        decode(Encoded({**control.headers, name: value}, control.body))


def test_unknown_fields_are_refused(control: Encoded) -> None:
    assert "surprise: Extra inputs" in refusal(control, control.body[:-1] + b',"surprise":1}')
