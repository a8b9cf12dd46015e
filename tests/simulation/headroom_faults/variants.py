"""The few runs that are simulated, and what each of them comes to when nothing disturbs it.

They are few, and their ids are always the same, so that what services keep per run is made once per process.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import uuid
from dataclasses import dataclass
from typing import Any, Final

from headroom.embedded import follow
from headroom.result import Result
from headroom_common.contracts.events import RunParameters
from headroom_common.scenario import Scenario

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """One run.

    Attributes:
        spec: of its scenario.
        trials: how many.
        segment_arrivals: arrivals in one segment, about.
        late_bound: whether the server model decides all routing.
    """

    spec: Document
    trials: int
    segment_arrivals: int
    late_bound: bool = False

    @property
    def one_segment(self) -> bool:
        """Whether its trials have one segment each: closed loops go round within the server model."""
        return bool(self.spec["workloads"][0]["arrivals"]["kind"] == "closed")


def _server(*steps: Document, **options: Any) -> Document:
    endpoint = {"name": "/a", "memory": "1Mi", "steps": list(steps)}
    return {"name": "app", "cores": 1, "endpoints": [endpoint], **options}


def _spec(arrivals: Document, server: Document, policy: str = "", **others: Any) -> Document:
    workload = {"name": "users", "entry": "lb" if policy else "app", "arrivals": arrivals, "via": ["wan"]}
    routers = [{"name": "lb", "policy": policy, "targets": [{"server": "app", "link": "lan"}]}]
    return {
        "horizon": "2s",
        "sample_period": "250ms",
        "workloads": [workload],
        "links": [
            {"name": "wan", "delay": {"distribution": "exponential", "mean": "3ms"}, "loss": 0.05},
            {"name": "lan", "delay": "1ms"},
        ],
        "routers": routers if policy else [],
        "servers": [server],
        **others,
    }


_POISSON: Final = {"kind": "poisson", "rate": "60/s"}
_CPU: Final = {"cpu": {"distribution": "exponential", "mean": "20ms"}}
_IO: Final = {"io": {"distribution": "lognormal", "mean": "30ms", "sd": "20ms"}}
_OUTAGE: Final = {"kind": "server_down", "server": "app", "replica": 0, "start": "500ms", "duration": "700ms"}
_SPIKE: Final = {"kind": "link_delay", "link": "wan", "extra": "40ms", "start": "800ms", "duration": "500ms"}

VARIANTS: Final = (
    Variant(_spec(_POISSON, _server(_CPU, _IO, replicas=3), "round_robin"), trials=3, segment_arrivals=50),
    Variant(_spec(_POISSON, _server(_CPU, _IO, replicas=2), "least_connections"), 2, 30),
    Variant(_spec(_POISSON, _server(_CPU, _IO, replicas=2), "random"), 2, 60, late_bound=True),
    Variant(
        _spec(
            _POISSON,
            _server(_CPU, {"pool": "db", "steps": [_IO]}, pools=[{"name": "db", "size": 2}], queue_limit=6),
            objectives=["latency.p95 below 300ms", "error_ratio below 10%"],
        ),
        trials=5,
        segment_arrivals=70,
    ),
    Variant(
        _spec(
            _POISSON,
            _server(_CPU, replicas=3),
            "round_robin",
            faults=[{**_OUTAGE, "in_flight": "lost"}, _SPIKE],
        ),
        trials=3,
        segment_arrivals=40,
    ),
    Variant(
        _spec({"kind": "closed", "users": 6, "think_time": "90ms"}, _server(_CPU, _IO)),
        trials=2,
        segment_arrivals=30,
    ),
    Variant(_spec(_POISSON, _server(_IO, memory="2Mi", cores=2)), trials=1, segment_arrivals=20),
)
"""Every run that a simulation may see to its end."""

ENDLESS: Final = -1
"""Index of a run that is over only when it is cancelled: it would take very long."""

_ENDLESS: Final = Variant(
    _spec(_POISSON, _server(_CPU, replicas=2), "round_robin", horizon="1h", sample_period="10m"),
    trials=50,
    segment_arrivals=30,
)


@functools.cache
def _parameters(index: int) -> RunParameters:
    variant = _ENDLESS if index == ENDLESS else VARIANTS[index]
    scenario = Scenario.from_dict(
        {
            "apiVersion": "headroom.dev/v1",
            "kind": "Scenario",
            "metadata": {"name": f"variant-{index}"},
            "spec": variant.spec,
        }
    )
    return RunParameters(
        run_id=uuid.uuid5(uuid.NAMESPACE_OID, f"fault simulation {index}"),
        scenario=scenario.canonical(),
        scenario_hash=scenario.content_hash(),
        seed=7 + index,
        trials=variant.trials,
        segment_arrivals=variant.segment_arrivals,
        late_bound=variant.late_bound,
    )


def parameters(index: int, *, window: int) -> RunParameters:
    """Return the parameters of a variant's run."""
    return _parameters(index).model_copy(update={"window": window})


@functools.cache
def undisturbed(index: int) -> str:
    """Return the result of a variant, as ``headroom run`` writes it, of an embedded run."""
    return as_text(_embedded(_parameters(index)))


@functools.cache
def requests_of(index: int) -> tuple[int, ...]:
    """Return how many requests each trial of a variant has; none of one that is never over."""
    if index == ENDLESS:
        return ()
    run = _parameters(index)
    totals = [
        _embedded(run.model_copy(update={"trials": trials}))["requests"]["total"]
        for trials in range(1, run.trials + 1)
    ]
    return tuple(after - before for before, after in itertools.pairwise([0, *totals]))


def _embedded(run: RunParameters) -> Document:
    return asyncio.run(follow(run, Scenario.from_dict(run.scenario).spec.horizon, None, threads=1))


def as_text(document: Document) -> str:
    """Return a result document as ``headroom run`` writes it."""
    return Result(document).to_json()
