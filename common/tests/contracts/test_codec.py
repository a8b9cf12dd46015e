from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from headroom_common.contracts.codec import decode, encode
from headroom_common.contracts.columns import DTYPES, Table, Tables
from headroom_common.contracts.event import Event, root_event
from headroom_common.contracts.events import Body, ControlBody, RequestsRouted, SegmentData, SegmentHeader
from headroom_common.contracts.packing import CONSTANT, DTYPE, FIRST, pack, unpack
from headroom_common.contracts.wire import Compression, Encoded
from headroom_common.errors import PermanentError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHOLE = [(np.int8, 2**7), (np.int16, 2**15), (np.int32, 2**31), (np.int64, 2**63)]


def routed(header: SegmentHeader, tables: Tables) -> Event[Body]:
    return root_event(RequestsRouted(header, tables), source="/headroom/tests/1", time=NOON)


def assert_equal_bodies(found: Body, expected: Body) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, ControlBody):
        assert found == expected
        return
    assert isinstance(found, SegmentData)
    assert found.header == expected.header
    assert list(found.tables) == list(expected.tables)
    for name, table in expected.tables.items():
        assert list(found.tables[name]) == list(table)
        for column, values in table.items():
            other = found.tables[name][column]
            assert other.dtype == values.dtype
            assert other.tobytes() == values.tobytes()
            assert other.flags.writeable
            assert other.flags.c_contiguous


@pytest.mark.parametrize("compression", [None, "lz4"])
def test_every_event_survives_the_wire(event: Event[Body], compression: Compression | None) -> None:
    decoded = decode(encode(event, compression=compression))
    assert decoded.envelope == event.envelope
    assert_equal_bodies(decoded.body, event.body)


columns = st.sampled_from(sorted(DTYPES)).map(DTYPES.__getitem__)


@st.composite
def tables_of_any_kind(draw: st.DrawFn) -> Tables:
    tables: Tables = {}
    for name in draw(st.lists(st.text(max_size=8), max_size=4, unique=True)):
        rows = draw(st.integers(0, 20))
        table: Table = {}
        for column in draw(st.lists(st.text(max_size=8), max_size=5, unique=True)):
            dtype = draw(columns)
            table[column] = draw(hnp.arrays(dtype, rows, elements=hnp.from_dtype(dtype, allow_nan=False)))
        tables[name] = table
    return tables


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(tables=tables_of_any_kind(), compression=st.sampled_from([None, "lz4"]))
def test_all_columns_survive_the_wire(
    header: SegmentHeader, tables: Tables, compression: Compression | None
) -> None:
    event = routed(header, tables)
    assert_equal_bodies(decode(encode(event, compression=compression)).body, event.body)


def wire_type(header: SegmentHeader, values: np.ndarray) -> pa.DataType:
    stream = encode(routed(header, {"t": {"x": values}})).body
    found: pa.DataType = pa.ipc.open_stream(stream).schema.field("x").type
    return found


@pytest.mark.parametrize(("dtype", "limit"), WHOLE)
def test_whole_numbers_travel_in_the_narrowest_type_that_holds_them(
    header: SegmentHeader, dtype: Any, limit: int
) -> None:
    inside = np.array([-limit, 0, limit - 1], np.int64)
    assert wire_type(header, inside) == pa.from_numpy_dtype(dtype)
    if limit < 2**63:
        for outside in (-limit - 1, limit):
            assert wire_type(header, np.array([0, outside], np.int64)) != pa.from_numpy_dtype(dtype)


def test_equal_numbers_take_no_room(header: SegmentHeader) -> None:
    few, many = (len(encode(routed(header, {"t": {"x": np.full(n, 7)}})).body) for n in (2, 100_000))
    assert few == many
    assert wire_type(header, np.full(3, 2**40)) == pa.null()
    assert wire_type(header, np.zeros(0, np.int64)) == pa.int8()


def test_neighbours_travel_as_differences(header: SegmentHeader) -> None:
    assert wire_type(header, 10**15 + np.arange(100) * 1000) == pa.int16()
    assert wire_type(header, np.array([0, 2**40, 2**41])) == pa.int64()
    # Differences that do not fit themselves.
    assert wire_type(header, np.array([-(2**63), 2**63 - 1])) == pa.int64()


def test_only_signed_integers_are_narrowed(header: SegmentHeader) -> None:
    assert wire_type(header, np.arange(3, dtype=np.int32)) == pa.int8()
    assert wire_type(header, np.arange(3, dtype=np.uint64)) == pa.uint64()
    assert wire_type(header, np.zeros(3)) == pa.float64()


@given(
    first=st.integers(-(2**63), 2**63 - 1),
    steps=st.lists(st.integers(-(2**33), 2**33), min_size=1, max_size=50),
    scale=st.sampled_from([0, 1, 2**10, 2**30]),
)
@settings(deadline=None)
def test_packing_and_unpacking_is_the_identity(first: int, steps: list[int], scale: int) -> None:
    values = np.cumsum(np.array([first, *steps], np.int64) * np.array([1, *[scale] * len(steps)]))
    array, told = pack(values)
    found = unpack("x", array, told)
    assert found.dtype == values.dtype
    assert found.tolist() == values.tolist()


@pytest.mark.parametrize(
    ("array", "told", "message"),
    [
        (pa.nulls(3), {CONSTANT: b"many"}, "a number of int8"),
        (pa.nulls(3), {CONSTANT: b"128"}, "a number of int8"),
        (pa.nulls(2**30), {CONSTANT: b"1"}, "at most 268435456 bytes"),
        (pa.array([1, 2]), {CONSTANT: b"1"}, "no values beside a constant"),
        (pa.nulls(3), {}, "a value in every row"),
        (pa.array([1, 2], pa.int8()), {FIRST: b"1"}, "differences of int64"),
        (pa.array([1, 2], pa.int64()), {}, "int8 or a narrower form"),
    ],
)
def test_what_no_packer_writes_is_refused(array: Any, told: dict[bytes, bytes], message: str) -> None:
    with pytest.raises(PermanentError, match=f"^x: expected {message}"):
        unpack("x", array, {DTYPE: b"int8"} | told)


def test_any_arrow_reader_understands_a_data_body(header: SegmentHeader) -> None:
    tables = {"a": {"x": np.arange(3)}, "b": {"y": np.array([0.5])}}
    source = pa.BufferReader(encode(routed(header, tables)).body)
    first = pa.ipc.open_stream(source).read_all()
    second = pa.ipc.open_stream(source).read_all()
    assert first.column("x").to_pylist() == [0, 1, 2]
    assert second.column("y").to_pylist() == [0.5]
    metadata = first.schema.metadata or {}
    assert SegmentHeader.model_validate_json(metadata[b"headroom.header"]) == header
    assert metadata[b"headroom.tables"] == b'["a", "b"]'
    assert first.schema.field("x").metadata == {b"headroom.dtype": b"int64"}


def test_lz4_makes_plain_columns_smaller(header: SegmentHeader) -> None:
    event = routed(header, {"a": {"x": np.repeat(np.arange(10.0), 1000)}})
    assert len(encode(event, compression="lz4").body) < len(encode(event).body) / 4


def test_equal_events_are_equal_bytes(event: Event[Body]) -> None:
    assert encode(event) == encode(decode(encode(event)))


def test_a_body_over_the_limit_is_neither_sent_nor_read(header: SegmentHeader) -> None:
    event = routed(header, {"a": {"x": np.zeros(1000)}})
    encoded = encode(event)
    size = len(encoded.body)
    assert encode(event, max_bytes=size) == encoded
    with pytest.raises(PermanentError, match=f"expected at most {size - 1} bytes, found {size}"):
        encode(event, max_bytes=size - 1)
    with pytest.raises(PermanentError, match=f"expected at most {size - 1} bytes, found {size}"):
        decode(encoded, max_bytes=size - 1)


def test_infinite_numbers_do_not_pass_as_json(bodies: Mapping[str, Body]) -> None:
    event = root_event(bodies["headroom.run.completed.v1"], source="s", time=NOON)
    encoded = encode(event)
    spoiled = encoded.body.replace(b"0.25", b"Infinity")
    with pytest.raises(PermanentError, match="result"):
        decode(Encoded(encoded.headers, spoiled))
