"""The wire form of events.

A control event is JSON. A data event is one Arrow IPC stream per table, one after the other; the metadata of
the first stream's schema carries the header and the names of all tables, so that a body that was cut between
two streams is recognised. Columns are packed as ``contracts.packing`` says.
"""

import json
from typing import Final, TypeVar, cast

import pyarrow as pa
from pydantic import BaseModel, TypeAdapter, ValidationError

from headroom_common.contracts.columns import Table, Tables
from headroom_common.contracts.envelope import Envelope, describe
from headroom_common.contracts.event import Event
from headroom_common.contracts.events import Body, ControlBody, SegmentData, SegmentHeader
from headroom_common.contracts.packing import pack, unpack
from headroom_common.contracts.registry import Contract, contract_for
from headroom_common.contracts.wire import MAX_BODY_BYTES, Compression, Encoded
from headroom_common.errors import PermanentError

WIRE_FORMAT: Final = b"2"
"""Version of the layout of data bodies that are written."""

READABLE: Final = (b"1", WIRE_FORMAT)
"""Versions that are read. In version 1 every integer column travels as it is."""

_FORMAT, _HEADER, _TABLES = b"headroom.format", b"headroom.header", b"headroom.tables"
_NOTHING = pa.null()
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"  # how an Arrow IPC stream ends; readers do without it
_TABLE_NAMES = TypeAdapter(list[str])
# What Arrow raises on bytes that are no stream, or of a stream whose parts contradict each other.
_BROKEN = (
    pa.ArrowException,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    MemoryError,
    OverflowError,
)


ModelT = TypeVar("ModelT", bound=BaseModel)


def encode(
    event: Event[Body], *, compression: Compression | None = None, max_bytes: int = MAX_BODY_BYTES
) -> Encoded:
    """Return the wire form of ``event``; its body is taken as checked (``Contract.check``).

    Raises:
        PermanentError: the encoded body is larger than ``max_bytes``.
    """
    if isinstance(event.body, ControlBody):
        body = event.body.model_dump_json().encode()
    else:
        body = _encode_data(event.body, compression)
    if len(body) > max_bytes:
        msg = f"{event.envelope.type}: body: expected at most {max_bytes} bytes, found {len(body)}"
        raise PermanentError(msg, next_step="Ask for fewer arrivals per segment.")
    return Encoded(event.envelope.headers(), body)


def decode(
    encoded: Encoded, envelope: Envelope | None = None, *, max_bytes: int = MAX_BODY_BYTES
) -> Event[Body]:
    """Return the event of a wire form, checked against its contract.

    The arrays are the receiver's own: writable, contiguous, of the dtypes that were encoded.

    Args:
        encoded: the wire form.
        envelope: what its headers say, when they have been read already.
        max_bytes: the largest body that is decoded.

    Raises:
        PermanentError: an attribute, the header, a table or the body is not what the contract says; the
            message says which, what was expected and what was found.
    """
    envelope = envelope or Envelope.from_headers(encoded.headers)
    contract = contract_for(envelope.type)
    if envelope.datacontenttype != contract.content_type:
        raise _bad(
            contract, f"datacontenttype: expected {contract.content_type}, found {envelope.datacontenttype!r}"
        )
    if len(encoded.body) > max_bytes:
        raise _bad(contract, f"body: expected at most {max_bytes} bytes, found {len(encoded.body)}")
    body: Body
    if contract.header is None:
        body = _decode_model(contract, cast("type[ControlBody]", contract.body), encoded.body)
    else:
        body = _decode_data(contract, contract.header, encoded.body)
    if body.subject != envelope.subject:
        raise _bad(contract, f"subject: expected {body.subject} as in the body, found {envelope.subject!r}")
    return Event(envelope, body)


def _bad(contract: Contract, message: str) -> PermanentError:
    return PermanentError(f"{contract.event_type}: {message}", next_step="Mend the producer of this event.")


def _encode_data(body: SegmentData, compression: Compression | None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    metadata: dict[bytes | str, bytes | str] = {
        _FORMAT: WIRE_FORMAT,
        _HEADER: body.header.model_dump_json().encode(),
        _TABLES: json.dumps(list(body.tables)).encode(),
    }
    # A body without tables still needs a stream to carry its header.
    for table in list(body.tables.values()) or [{}]:
        batch = _batch(table, metadata)
        with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
            writer.write_batch(batch)
        metadata = {}
    return sink.getvalue().to_pybytes()


def _batch(table: Table, metadata: dict[bytes | str, bytes | str]) -> pa.RecordBatch:
    fields, arrays = [], []
    for name, values in table.items():
        array, told = pack(values)
        arrays.append(array)
        fields.append(pa.field(name, array.type, nullable=array.type == _NOTHING, metadata=dict(told)))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata=metadata))


def _decode_model(contract: Contract, model: type[ModelT], text: bytes) -> ModelT:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise _bad(contract, describe(error)) from error


def _decode_data(contract: Contract, header_model: type[SegmentHeader], body: bytes) -> SegmentData:
    try:
        header, tables = _decode_streams(contract, header_model, body)
    except _BROKEN as error:
        raise _bad(contract, f"body: expected Arrow IPC streams, found {len(body)} bytes: {error}") from error
    decoded = cast("type[SegmentData]", contract.body)(header, tables)
    contract.check(decoded)
    return decoded


def _decode_streams(
    contract: Contract, header_model: type[SegmentHeader], body: bytes
) -> tuple[SegmentHeader, Tables]:
    streams = _read_streams(body)
    metadata = streams[0].schema.metadata or {} if streams else {}
    if metadata.get(_FORMAT) not in READABLE:
        found = metadata.get(_FORMAT, b"none").decode(errors="replace")
        expected = " or ".join(version.decode() for version in READABLE)
        raise _bad(contract, f"body: expected wire format {expected}, found {found!r}")
    header = _decode_model(contract, header_model, metadata.get(_HEADER, b""))
    names = _table_names(contract, metadata.get(_TABLES, b""))
    if len(streams) != max(len(names), 1):
        raise _bad(contract, f"body: expected {max(len(names), 1)} streams, found {len(streams)}")
    # Without tables there is one stream all the same, for the header.
    tables = {name: _decode_table(contract, name, batch) for name, batch in zip(names, streams, strict=False)}
    return header, tables


def _read_streams(body: bytes) -> list[pa.RecordBatch]:
    if not body.endswith(_END):
        msg = "a last stream without its end"
        raise ValueError(msg)
    source = pa.BufferReader(body)
    batches = []
    while source.tell() < len(body):
        with pa.ipc.open_stream(source) as reader:
            batch, *more = reader
            if more:
                msg = "a stream of several batches"
                raise ValueError(msg)
            batch.validate(full=True)
            batches.append(batch)
    return batches


def _table_names(contract: Contract, text: bytes) -> list[str]:
    try:
        return _TABLE_NAMES.validate_json(text)
    except ValidationError as error:
        raise _bad(contract, f"tables: {describe(error)}") from error


def _decode_table(contract: Contract, name: str, batch: pa.RecordBatch) -> Table:
    table: Table = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        where = f"tables.{name}.{field.name}"
        if field.name in table:
            raise _bad(contract, f"{where}: expected one column of this name, found two")
        table[field.name] = unpack(f"{contract.event_type}: {where}", column, field.metadata or {})
    return table
