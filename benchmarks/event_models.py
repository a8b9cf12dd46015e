"""The events of both sides: control events of some 500 bytes, data events of 1 MiB, and their answers."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final
from uuid import UUID

import numpy as np

from headroom_common.contracts.codec import encode
from headroom_common.contracts.event import Event, root_event
from headroom_common.contracts.events import (
    ArrivalsGenerated,
    RunParameters,
    RunProgressed,
    SegmentHeader,
    TrialAnalysed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headroom_common.contracts.columns import Table
    from headroom_common.contracts.events import Body
    from headroom_common.contracts.wire import Encoded

CONTROL_EVENTS: Final = 4_000
DATA_EVENTS: Final = 200
ROWS: Final = 104_600
"""Rows of the table in a data event: some 10 bytes each on the wire, before and after."""
TIME: Final = datetime(2026, 11, 21, tzinfo=UTC)
SOURCE: Final = "/headroom/benchmarks/1"
_RUN: Final = UUID("0c9f6a52-4c7b-4f5e-8d0a-3b1f7f1f9a11")


def parameters() -> RunParameters:
    """The parameters of a run with a small scenario."""
    scenario = {
        "kind": "Scenario",
        "metadata": {"name": "benchmark"},
        "spec": {
            "horizon": "600s",
            "workloads": [{"name": "w", "entry": "a", "arrivals": {"kind": "poisson", "rate": "250/s"}}],
            "servers": [{"name": "a", "cores": 4, "endpoints": [{"name": "/", "steps": [{"cpu": "4ms"}]}]}],
        },
    }
    return RunParameters(run_id=_RUN, scenario=scenario, scenario_hash="sha256:5f7c", seed=1, trials=10**6)


def progress(analysed: TrialAnalysed) -> RunProgressed:
    """The answer to a control event; the same on both sides."""
    done = analysed.trial + 1
    run = analysed.run
    return RunProgressed(
        run_id=run.run_id,
        trials_done=done,
        trials=run.trials,
        requests=150_000 * done,
        simulated_ns=600 * 10**9 * done,
        trial=analysed.trial,
    )


def routed(arrivals: Table) -> Table:
    """The answer to a table of arrivals; the same on both sides: new columns from old ones."""
    return {
        "id": arrivals["id"],
        "at": arrivals["t0"] + 2_000_000,
        "endpoint": arrivals["endpoint"],
        "server": (arrivals["id"] & 7).astype(np.int16),
    }


def control_events() -> Iterator[Encoded]:
    """The control events to consume, in their wire form."""
    run = parameters()
    for trial in range(CONTROL_EVENTS):
        yield _encoded(TrialAnalysed(run=run, trial=trial))


def data_events() -> Iterator[Encoded]:
    """The data events to consume, in their wire form."""
    run = parameters()
    for segment in range(DATA_EVENTS):
        header = SegmentHeader(run=run, trial=0, segment=segment, watermark_ns=segment * 10**9, final=False)
        yield _encoded(ArrivalsGenerated(header, {"arrivals": _arrivals(segment)}))


def _arrivals(segment: int) -> Table:
    ids = np.arange(ROWS, dtype=np.int64) + segment * ROWS
    return {
        "id": ids,
        "t0": ids * 3_000_000 + 2**40,
        "workload": (ids % 3).astype(np.int16),
        "endpoint": (ids % 5).astype(np.int16),
    }


def _encoded(body: Body) -> Encoded:
    event: Event[Body] = root_event(body, source=SOURCE, time=TIME)
    return encode(event)


def batched(events: Iterator[Encoded], size: int) -> Iterator[list[Encoded]]:
    """Cut events into lists of ``size``; the last one may be shorter."""
    while batch := list(islice(events, size)):
        yield batch
