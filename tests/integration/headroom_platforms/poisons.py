"""Messages that nobody can handle, of every kind that we could think of, made from good ones."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pyarrow as pa

from headroom.runs import run_parameters
from headroom_common.contracts.codec import encode
from headroom_common.contracts.event import caused_event, root_event
from headroom_common.contracts.events import RunRequested
from headroom_common.contracts.wire import MAX_BODY_BYTES, Encoded
from headroom_common.scenario import Scenario
from headroom_common.transports.port import Message
from headroom_generator.handlers import run_requested

ARRIVALS = "headroom.arrivals.generated.v1"
REQUESTED = "headroom.run.requested.v1"


def poisons(scenario: Scenario) -> Mapping[str, Message]:
    """Return poisonous messages by what is wrong with them; each belongs to a run of its own."""
    return dict((*_data(scenario), *_control(scenario)))


def run_of(message: Message) -> UUID:
    """The run that a message belongs to."""
    return UUID(message.correlation)


def _good(scenario: Scenario) -> tuple[Encoded, Encoded]:
    """The request of a run, and its first arrivals, as they cross the wire."""
    run = run_parameters(scenario, trials=1, seed=1, run_id=uuid4(), segment_arrivals=100)
    request = root_event(RunRequested(run=run), source="/tests", time=datetime.now(UTC))
    arrivals = caused_event(
        request.envelope, run_requested(request)[0], source="/tests", time=datetime.now(UTC)
    )
    return encode(request), encode(arrivals)


def _data(scenario: Scenario) -> Iterator[tuple[str, Message]]:
    def message(change: Any) -> Message:
        _, good = _good(scenario)
        return Message(ARRIVALS, change(good))

    def body(change: Any) -> Message:
        return message(lambda good: Encoded(good.headers, change(good.body)))

    def header(**values: str) -> Message:
        changed = {f"ce-{name}": value for name, value in values.items()}
        return message(lambda good: Encoded({**good.headers, **changed}, good.body))

    yield "truncated Arrow", body(lambda whole: whole[: len(whole) // 2])
    yield "Arrow without its end", body(lambda whole: whole[:-8])
    yield "empty body", body(lambda _: b"")
    yield "garbage", body(lambda _: bytes(range(256)) * 40)
    yield "JSON instead of Arrow", body(lambda _: b"{}")
    yield "oversized", body(lambda whole: whole + bytes(MAX_BODY_BYTES))
    yield "another layout", body(lambda whole: whole.replace(b"headroom.format", b"headroom.fromat"))
    yield "damaged header", body(lambda whole: whole.replace(b'"trial":0', b'"trial":x'))
    yield "NaN times", body(_with_nan_times)
    yield "wrong content type", header(datacontenttype="text/plain")
    yield "wrong schema version", header(type="headroom.arrivals.generated.v99")
    yield "an event of another queue", header(type="headroom.requests.routed.v1")
    yield "another subject", header(subject=f"{uuid4()}/0/0")
    yield "no time", header(time="yesterday")


def _control(scenario: Scenario) -> Iterator[tuple[str, Message]]:
    def message(change: Any) -> Message:
        good, _ = _good(scenario)
        document = json.loads(good.body)
        change(document["run"])
        return Message(REQUESTED, Encoded(good.headers, json.dumps(document).encode()))

    yield "unknown scenario key", message(lambda run: run["scenario"]["spec"].update(databse={}))
    yield "no scenario", message(lambda run: run.update(scenario={}))
    yield "no trials", message(lambda run: run.update(trials=0))
    yield "unknown parameter", message(lambda run: run.update(colour="green"))
    yield "a seed that is no number", message(lambda run: run.update(seed="one"))


def _with_nan_times(body: bytes) -> bytes:
    """The same streams, with arrival times that are no numbers."""
    source, sink = pa.BufferReader(body), pa.BufferOutputStream()
    while source.tell() < source.size():
        table = pa.ipc.open_stream(source).read_all()
        if "t0" in table.column_names:
            place = table.column_names.index("t0")
            field = pa.field("t0", pa.float64(), metadata={"headroom.dtype": "float64"})
            table = table.set_column(place, field, [pa.array(np.full(table.num_rows, np.nan))])
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_batch(table.combine_chunks().to_batches()[0])
    return sink.getvalue().to_pybytes()
