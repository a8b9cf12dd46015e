"""Two systems whose difference theory knows: the comparison finds it, and pairing finds it sharper."""

import asyncio
from pathlib import Path
from statistics import variance
from typing import Any

import pytest
from queueing.checks import CONFIDENCE, TRIALS
from queueing.formulas import mg1_wait
from queueing.models import milliseconds, model, poisson, station

from headroom import Scenario
from headroom.embedded import follow
from headroom.runs import run_parameters
from headroom.services import SERVICES
from headroom_analysis.domain.comparison import ComparedRun, comparison_document
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.trees import places_of
from headroom_analysis.domain.trial import trial_tree
from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore
from headroom_common.event_manager.subscriptions import subscribing
from headroom_common.scenario.loading import load_scenario

EXAMPLE = Path(__file__).parents[2] / "examples" / "balanced-fleet.yaml"
ARRIVAL, SLOW, FAST = 65.0, 0.010, 0.009
TRUTH = (mg1_wait(ARRIVAL, FAST, 0.0) + FAST) - (mg1_wait(ARRIVAL, SLOW, 0.0) + SLOW)


def md1(service: float, seed: int) -> ComparedRun:
    """The trials of an M/D/1 queue."""
    name = f"md1-{service * 1e3:g}-ms"
    steps = [{"cpu": milliseconds(service)}]
    document = model(name, [station(steps)], poisson(ARRIVAL), horizon=150, warmup=10)
    return simulated(Scenario.from_dict(document), seed, TRIALS)


def simulated(scenario: Scenario, seed: int, trials: int) -> ComparedRun:
    run = run_parameters(scenario, trials=trials, seed=seed, confidence=CONFIDENCE)
    store = MemoryStore()
    services = {**SERVICES, "analysis": lambda: subscribing(Analysis(store).handlers)}
    asyncio.run(follow(run, scenario.spec.horizon, None, threads=2, services=services))
    kept = store.trials(run.run_id)
    assert kept is not None
    return ComparedRun(str(run.run_id), kept.plan.facts, kept.plan.layout, kept.summaries, kept.verdict)


def metric(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in document["metrics"] if one["metric"] == name and one["scope"] is None]
    return dict(found)


@pytest.fixture(scope="module")
def slow() -> ComparedRun:
    return md1(SLOW, seed=11)


@pytest.fixture(scope="module")
def paired(slow: ComparedRun) -> dict[str, Any]:
    return comparison_document(slow, md1(FAST, seed=11))


@pytest.fixture(scope="module")
def independent(slow: ComparedRun) -> dict[str, Any]:
    return comparison_document(slow, md1(FAST, seed=12))


@pytest.mark.parametrize("kind", ["paired", "independent"])
def test_the_difference_is_that_of_theory(kind: str, request: pytest.FixtureRequest) -> None:
    document: dict[str, Any] = request.getfixturevalue(kind)
    assert document["paired"] is (kind == "paired")
    found = metric(document, "latency.mean")
    assert found["difference"]["low"] <= TRUTH <= found["difference"]["high"]
    assert found["difference"]["high"] < 0
    assert found["significant"]


def test_the_same_random_numbers_make_it_sharper(paired: dict[str, Any], independent: dict[str, Any]) -> None:
    def width(document: dict[str, Any], name: str) -> float:
        difference = metric(document, name)["difference"]
        return float(difference["high"] - difference["low"])

    for name in ("latency.mean", "latency.p95", "throughput"):
        assert width(paired, name) < 0.5 * width(independent, name), name


def test_what_did_not_change_does_not_differ(paired: dict[str, Any], independent: dict[str, Any]) -> None:
    assert metric(paired, "arrival_rate")["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert not metric(independent, "arrival_rate")["significant"]
    (difference,) = [one for one in paired["scenario_differences"] if one["path"] != "metadata.name"]
    assert difference["path"] == "spec.servers[station].endpoints[/].steps[0].cpu"
    assert (difference["a"], difference["b"]) == ("10ms", "9ms")


def means(run: ComparedRun) -> list[float]:
    """The mean latency of every trial."""
    shape = trial_tree(Partial.empty(run.layout), run.layout, run.facts.servers)
    place = places_of(shape)["latency"]["mean"]
    return [float(summary.row[place]) for summary in run.summaries]


def test_common_random_numbers_make_the_variance_five_times_smaller() -> None:
    # The balancing example in shorter trials, of which there are enough to tell variances apart: the ratio of
    # two that are estimated from 100 trials each is off by a fifth, and it is about 9.
    def fleet(policy: str, seed: int) -> ComparedRun:
        overrides = ["spec.horizon=40s", f"spec.routers[lb].policy={policy}"]
        return simulated(load_scenario(EXAMPLE.read_text("utf-8"), overrides=overrides).scenario, seed, 100)

    first = fleet("round_robin", 1)
    second, stranger = (fleet("least_connections", seed) for seed in (1, 2))
    paired = variance([b - a for a, b in zip(means(first), means(second), strict=True)])
    apart = variance([b - a for a, b in zip(means(first), means(stranger), strict=True)])
    assert apart > 5 * paired
    found = metric(comparison_document(first, second), "latency.mean")
    assert found["variance_ratio"] > 5
    assert found["unpaired_trials"] > 4 * 100
