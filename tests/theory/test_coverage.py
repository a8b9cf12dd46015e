"""Intervals hold the truth as often as they say: many runs of an M/M/1 station, also of those to a precision.

The time in the station is exponential, so mean and p99 are known. `HEADROOM_COVERAGE_RUNS=500` looks at 500
runs of 100,000 requests a trial, which takes a quarter of an hour.
"""

from __future__ import annotations

import math
import os
from typing import Any

import pytest
from queueing.formulas import mm1_sojourn, mm1_sojourn_quantile
from queueing.models import exponential, model, poisson, station
from queueing.streams import Stream
from scipy.stats import binom

from headroom_analysis.domain.measures import Measure
from headroom_analysis.experiments.points import Lab
from headroom_common.experiments.asking import experiment_of
from headroom_common.scenario import Scenario

ARRIVAL, SERVICE = 800.0, 1000.0
SOAK = int(os.environ.get("HEADROOM_COVERAGE_RUNS", "0"))
RUNS = SOAK or 50
HORIZON = 125.0 if SOAK else 25.0
WARM_UP = 5.0
"""Some fifty relaxation times of the station, 1 / (m (1 - sqrt(r))²), in s."""
WIDER = math.sqrt(125.0 / HORIZON)
"""Shorter trials have wider intervals."""
TRUTH = {
    "latency.mean": mm1_sojourn(ARRIVAL, SERVICE),
    "latency.p99": mm1_sojourn_quantile(ARRIVAL, SERVICE, 0.99),
}


@pytest.mark.parametrize(
    ("kind", "seed", "least", "options"),
    [
        ("ten trials", 20261122, 0.93, {"trials": 10}),
        ("to 3 %", 20261123, 0.92, {"trials": 10, "precision": 0.03 * WIDER}),
        ("to 5 % from five trials", 20261124, 0.92, {"trials": 5, "precision": 0.05 * WIDER}),
    ],
)
def test_intervals_cover(kind: str, seed: int, least: float, options: dict[str, Any]) -> None:
    document = model(
        "mm1",
        [station([{"cpu": exponential(1 / SERVICE)}])],
        poisson(ARRIVAL),
        horizon=WARM_UP + HORIZON,
        warmup=WARM_UP,
    )
    experiment = experiment_of(Scenario.from_dict(document), {"kind": "replicate"}, **options)
    stream = Stream(document, seed)
    covered = dict.fromkeys(TRUTH, 0)
    trials = 0
    for _ in range(RUNS):
        lab = Lab(experiment)
        point = lab.point({})
        procedure = lab.simulate([point])
        wanted = next(procedure, ())
        while wanted:
            try:
                wanted = procedure.send({batch.name: stream.take(batch.trials) for batch in wanted})
            except StopIteration:
                break
        trials += point.trials
        for metric, truth in TRUTH.items():
            figure = point.figure(Measure(metric))
            assert figure.low is not None
            assert figure.high is not None
            covered[metric] += figure.low <= truth <= figure.high
    print(f"{kind}: {RUNS} runs of {trials / RUNS:.1f} trials, of which cover {covered}")  # noqa: T201 - the study's figures
    for metric, count in covered.items():
        share = count / RUNS
        if SOAK:
            assert least <= share <= 0.97, f"{metric}: {share:.1%}"
        else:  # few runs: what would be seen once in a thousand studies
            assert binom.ppf(0.001, RUNS, least) <= count <= binom.isf(0.001, RUNS, 0.97), metric
