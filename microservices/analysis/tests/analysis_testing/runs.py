"""Runs of a small scenario, and the completed events that a server model would send for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from analysis_testing.worlds import SECOND
from headroom_common.contracts.event import Event, root_event
from headroom_common.contracts.events import CompletedHeader, RequestsCompleted, RunParameters
from headroom_common.scenario import Scenario

if TYPE_CHECKING:
    from analysis_testing.worlds import Tables

TIME = datetime(2026, 11, 20, tzinfo=UTC)
RUNS = UUID("5b0f3f6e-6a56-4b0e-9d3a-0f6f5f6f7a11")
"""The namespace of the tests' runs: other parameters make another run."""

SCENARIO: dict[str, Any] = {
    "apiVersion": "headroom.dev/v1",
    "kind": "Scenario",
    "metadata": {"name": "two-tiers"},
    "spec": {
        "horizon": "10s",
        "warmup": "1s",
        "sample_period": "100ms",
        "workloads": [
            {
                "name": "shoppers",
                "entry": "lb",
                "via": ["internet"],
                "arrivals": {"kind": "poisson", "rate": "50/s"},
                "mix": [{"endpoint": "/api"}, {"endpoint": "/buy"}],
            },
            {"name": "batch", "entry": "store", "arrivals": {"kind": "poisson", "rate": "5/s"}},
        ],
        "links": [{"name": "internet", "delay": "20ms"}, {"name": "lan", "delay": "1ms", "loss": "1%"}],
        "routers": [{"name": "lb", "policy": "round_robin", "targets": [{"server": "app", "link": "lan"}]}],
        "servers": [
            {
                "name": "app",
                "replicas": 2,
                "cores": 2,
                "memory": "1Gi",
                "pools": [{"name": "db", "size": 4}, {"name": "cache", "size": 8}],
                "endpoints": [
                    {"name": "/api", "memory": "64Mi", "steps": [{"cpu": "2ms"}]},
                    {
                        "name": "/buy",
                        "steps": [{"pool": "db", "steps": [{"pool": "cache", "steps": [{"io": "8ms"}]}]}],
                    },
                ],
            },
            {"name": "store", "cores": 1, "endpoints": [{"name": "/put", "steps": [{"io": "5ms"}]}]},
        ],
        "objectives": ["latency.p99 below 250ms", "utilisation of server app below 80%"],
    },
}
"""Two workloads, two server groups, a router, pools, memory: every table has something to say."""


def run_parameters(trials: int = 2, name: str = "", **spec: Any) -> RunParameters:
    """Return the parameters of a run of `SCENARIO` with some keys replaced; `name` tells runs apart."""
    document = SCENARIO | {"spec": SCENARIO["spec"] | spec}
    scenario = Scenario.from_dict(document)
    return RunParameters(
        run_id=uuid5(RUNS, f"{scenario.content_hash()} {trials} {name}"),
        scenario=scenario.canonical(),
        scenario_hash=scenario.content_hash(),
        seed=7,
        trials=trials,
    )


def completed(
    run: RunParameters, place: tuple[int, int, int], tables: Tables, *, parts: int = 1, segments: int = 1
) -> Event[RequestsCompleted]:
    """Return a completed event for (trial, segment, part) of trials that have so many segments."""
    trial, segment, part = place
    header = CompletedHeader(
        run=run,
        trial=trial,
        segment=segment,
        watermark_ns=(segment + 1) * 10 * SECOND // segments,
        final=segment == segments - 1,
        part=part,
        parts=parts,
    )
    return root_event(RequestsCompleted(header, tables), source="/headroom/test/0", time=TIME)
