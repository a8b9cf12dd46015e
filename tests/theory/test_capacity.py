"""Capacity search finds the number of servers that Erlang C gives, of M/M/c stations drawn at random.

`HEADROOM_ERLANG_CASES=50` looks at 50 of them.
"""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from queueing.formulas import mmc_sojourn, mmc_sojourn_quantile
from queueing.models import exponential, model, poisson, station

from headroom.experiments import capacity

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = int(os.environ.get("HEADROOM_ERLANG_CASES", "12"))
REQUESTS = 20_000
"""Of a trial, on average, after the warm-up."""
RATIO = 1.15
"""The metric with a server less is so many times as large at least; other draws are drawn again."""


@dataclass(frozen=True)
class Case:
    """An M/M/c station and what it has to hold.

    The threshold lies midway between the metric with `servers` of them and with one less, or a half above the
    former where one less is slower than twice, or could not keep up.
    """

    arrival: float
    service: float
    servers: int
    most: int
    metric: str
    threshold: float
    resource: str

    @property
    def scenario(self) -> dict[str, Any]:
        law = exponential(1 / self.service)
        if self.resource == "cores":
            server = station([{"cpu": law}])
        else:
            steps = [{"pool": "db", "steps": [{"io": law}]}]
            server = station(steps, pools=[{"name": "db", "size": 1}])
        warm_up = REQUESTS / 10 / self.arrival
        horizon = warm_up + REQUESTS / self.arrival
        return model("erlang", [server], poisson(self.arrival), horizon=horizon, warmup=warm_up)

    @property
    def place(self) -> str:
        path = {"cores": "spec.servers[0].cores", "pool": "spec.servers[0].pools[db].size"}[self.resource]
        return f"{path}=1..{self.most}"


def draw(number: int) -> Case:
    """Draw the case of a number: a few servers that are busy from 55 % to 92 % of the time."""
    rng = random.Random(f"erlang {number}")  # noqa: S311 - reproducible cases
    metrics: dict[str, Callable[[float, float, int], float]] = {
        "latency.mean": mmc_sojourn,
        "latency.p99": lambda arrival, service, servers: mmc_sojourn_quantile(
            arrival, service, servers, 0.99
        ),
    }
    while True:
        servers = rng.randint(1, 24)
        service = round(math.exp(rng.uniform(math.log(5), math.log(500))), 3)
        arrival = float(f"{servers * service * rng.uniform(0.55, 0.92):g}")
        metric = rng.choice(sorted(metrics))
        holds = metrics[metric](arrival, service, servers)
        less = metrics[metric](arrival, service, servers - 1)
        if less < RATIO * holds:
            continue
        threshold = (holds + min(less, 2 * holds)) / 2
        most = servers + rng.randint(0, 24)
        return Case(arrival, service, servers, max(most, 2), metric, threshold, rng.choice(["cores", "pool"]))


@pytest.mark.parametrize("number", range(CASES))
def test_the_number_of_servers_is_erlangs(number: int) -> None:
    case = draw(number)
    objective = f"{case.metric} below {case.threshold * 1e3:.6f}ms"
    found = capacity(case.scenario, case.place, objectives=[objective], seed=number).document["capacity"]
    trials = [step["trials"] for step in found["steps"]]
    print(f"{case.place}: {objective}: {found['answer']['text']}; trials {trials}")  # noqa: T201 - the study's figures
    assert found["answer"]["number"] == case.servers
    assert found["certain"]
    assert found["monotone"]
    assert found["find"] == "smallest"
    if case.servers > 1:
        assert found["next"]["number"] == case.servers - 1
        assert found["first_to_saturate"]["resource"] == ("cpu" if case.resource == "cores" else "pool:db")
    else:
        assert found["bounded_by"] == "search range"
