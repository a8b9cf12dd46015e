"""One body of every contract, for tests that go through all of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest

from headroom_common.contracts.columns import REQUESTS_COMPLETED, Table, Tables
from headroom_common.contracts.event import Event, root_event
from headroom_common.contracts.events import (
    ArrivalsGenerated,
    Body,
    CompletedHeader,
    RequestsCompleted,
    RequestsRouted,
    RunCancelled,
    RunCompleted,
    RunDeleted,
    RunFailed,
    RunParameters,
    RunProgressed,
    RunRequested,
    RunStopped,
    SegmentHeader,
    SegmentSimulated,
    ServicePolled,
    ServiceState,
    ServiceStateChanged,
    TrialAnalysed,
)
from headroom_common.contracts.registry import CONTRACTS, contract_of

RUN_ID = UUID("0c9f6a52-4c7b-4f5e-8d0a-3b1f7f1f9a11")
TIME = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


@pytest.fixture
def run() -> RunParameters:
    return RunParameters(
        run_id=RUN_ID,
        scenario={"kind": "Scenario", "spec": {"horizon": "600s", "rates": [250.0, 1, None, True]}},
        scenario_hash="sha256:5f7c",
        seed=2**64 - 1,
        trials=10,
    )


@pytest.fixture
def header(run: RunParameters) -> SegmentHeader:
    return SegmentHeader(run=run, trial=3, segment=7, watermark_ns=2_000_000_000, final=False)


@pytest.fixture
def arrivals() -> Tables:
    return {
        "arrivals": {
            "id": np.array([0, 1 << 16, (2 << 16) + 1], np.int64),
            "t0": np.array([5, 2_000_000, 600_000_000_000], np.int64),
            "workload": np.array([0, 0, 1], np.int16),
            "endpoint": np.array([0, 2, 1], np.int16),
        },
        "router.pointers": {"pointer": np.array([4], np.int64)},
        "generator.rates": {"rate": np.array([0.5, np.inf]), "on": np.array([True, False])},
        "server.slots": {"id": np.zeros(0, np.int64)},
    }


def completed_tables() -> Tables:
    tables: Tables = {}
    for name, spec in REQUESTS_COMPLETED.items():
        columns = {
            **spec.columns,
            **{f"{prefix}{i}": t for prefix, t in spec.families.items() for i in (0, 1)},
        }
        table: Table = {column: np.arange(4).astype(dtype) for column, dtype in columns.items()}
        tables[name] = table
    return tables


@pytest.fixture
def bodies(run: RunParameters, header: SegmentHeader, arrivals: Tables) -> Mapping[str, Body]:
    states = {name: table for name, table in arrivals.items() if name != "arrivals"}
    routed: Tables = {"routed": {"id": np.array([9], np.int64), "stage": np.array([1], np.int8)}, **states}
    completed = CompletedHeader(**dict(header), part=1, parts=2)
    made: tuple[Body, ...] = (
        RunRequested(run=run),
        RunCancelled(run_id=RUN_ID),
        ArrivalsGenerated(header, arrivals),
        RequestsRouted(header, routed),
        SegmentSimulated(header, states),
        RequestsCompleted(completed, completed_tables()),
        TrialAnalysed(run=run, trial=3),
        RunProgressed(run_id=RUN_ID, trials_done=3, trials=10, requests=10**9, simulated_ns=10**13, trial=3),
        RunCompleted(run_id=RUN_ID, result={"format": "headroom.result/v1", "latency": {"p99": 0.25}}),
        RunFailed(
            run_id=RUN_ID, reason="endpoint /api needs more memory than app has", field="spec.servers[0]"
        ),
        RunStopped(run_id=RUN_ID, trials_done=3, result={"format": "headroom.result/v1", "trials": 3}),
        RunDeleted(run_id=RUN_ID),
        ServiceStateChanged(
            service="router",
            instance="router-0",
            version="0.1.0",
            previous=ServiceState.READY,
            state=ServiceState.DRAINING,
            reason="asked to drain",
        ),
        ServicePolled(poll_id=UUID("9a4c9b0e-6f0e-4d0b-9a57-1f0f4f1c7b21")),
    )
    return {contract_of(type(body)).event_type: body for body in made}


@pytest.fixture(params=sorted(CONTRACTS))
def event(request: pytest.FixtureRequest, bodies: Mapping[str, Body]) -> Event[Body]:
    body = bodies[request.param]
    return root_event(body, source="/headroom/tests/1", time=TIME)
