"""What a parameter of M/M/1 moves is the derivative of the mean latency 1 / (μ - λ)."""

import pytest
from queueing.models import exponential, milliseconds, model, poisson, station

from headroom.experiments import sensitivity

RATE, SERVICE = 52.0, 0.010
SLACK = 1 / SERVICE - RATE
RATES, SERVICES = 4.0, 0.0004
"""How wide the ranges are: narrow enough that the slope hardly changes within."""


def test_effects_in_an_mm1_queue_are_its_derivatives() -> None:
    queue = model("mm1", [station([{"cpu": exponential(SERVICE)}])], poisson(RATE), horizon=400, warmup=20)
    ends = [milliseconds(SERVICE + sign * SERVICES / 2) for sign in (-1, 1)]
    vary = [
        f"spec.workloads[0].rate={RATE - RATES / 2:g}/s..{RATE + RATES / 2:g}/s",
        f"spec.servers[0].endpoints[0].steps[0].cpu.mean={ends[0]}..{ends[1]}",
    ]
    found = sensitivity(queue, vary, metric="latency.mean", samples=4, trials=10, seed=1).document[
        "sensitivity"
    ]
    truth = {"rate": RATES / SLACK**2, "mean": SERVICES / (SERVICE * SLACK) ** 2}
    assert {one["path"].rpartition(".")[2] for one in found["parameters"]} == set(truth)
    for one in found["parameters"]:
        slope = truth[one["path"].rpartition(".")[2]]
        # Common random numbers: where 21 ms are known to 0.3 ms, a change of 1.7 ms is known to a tenth.
        assert one["mu"] == pytest.approx(slope, rel=0.1)
        assert one["mu_star"]["value"] == one["mu"]
        ends_of_range = one["tornado"]
        assert ends_of_range["high"]["value"] - ends_of_range["low"]["value"] == pytest.approx(slope, rel=0.1)
    assert found["base"]["low"] < 1 / SLACK < found["base"]["high"]
