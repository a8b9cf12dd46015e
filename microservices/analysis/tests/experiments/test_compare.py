"""Two scenarios as one experiment: what is paired, what has to be precise, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from analysis_testing.labs import SHOP, Trial, play

from headroom_common.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from headroom_analysis.experiments import Batch


def shop(**changes: Any) -> dict[str, Any]:
    """`SHOP` with keys of its spec replaced."""
    return Scenario.from_dict(SHOP | {"spec": SHOP["spec"] | changes}).canonical()


FASTER = shop(servers=[SHOP["spec"]["servers"][0] | {"cores": 4}])
PLAN = {"kind": "compare", "other": FASTER}
SAMPLES = 201
"""Sample instants of `SHOP`."""


def luck(index: int) -> float:
    """What trial `index` of both scenarios owes to the same random numbers."""
    return float(np.random.default_rng(index).normal())


def answers(trial: Trial) -> Mapping[str, float]:
    """Four cores answer 10 ms sooner, and vary a little less."""
    fast = trial.scenario["spec"]["servers"][0]["cores"] == 4
    mean = 0.09 + 0.005 * luck(trial.index) if fast else 0.1 + 0.006 * luck(trial.index)
    return {"latency.mean": mean, "latency.p99": 3 * mean}


def metric(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [
        one for one in document["comparison"]["metrics"] if (one["metric"], one["scope"]) == (name, None)
    ]
    return dict(found)


def trials_of(rounds: list[tuple[Batch, ...]]) -> list[dict[str, int]]:
    return [{batch.name: batch.trials for batch in batches} for batches in rounds]


def test_trials_are_paired() -> None:
    played = play(PLAN, answers, trials=8, seed=5)
    comparison = played.document["comparison"]
    assert comparison["format"] == "headroom.comparison/v1"
    assert (comparison["paired"], comparison["pairs"]) == (True, 8)
    assert [comparison[run]["run_id"] for run in "ab"] == [None, None]
    assert [point["trials"] for point in played.document["points"]] == [8, 8]
    found = metric(played.document, "latency.mean")
    expected = np.mean([-0.01 - 0.001 * luck(index) for index in range(8)])
    assert found["difference"]["value"] == pytest.approx(expected)
    assert found["variance_ratio"] == pytest.approx(36 + 25)  # (6² + 5²) / (6 - 5)²
    assert found["significant_overall"]
    assert [one["path"] for one in comparison["scenario_differences"]] == ["spec.servers[app].cores"]
    assert trials_of(played.rounds) == [{"0/0": 8, "1/0": 8}]
    assert len({batch.seed for batch in played.rounds[0]}) == 1


def test_an_experiment_without_a_difference_says_so() -> None:
    played = play({"kind": "compare", "other": SHOP}, answers, trials=5)
    metrics = played.document["comparison"]["metrics"]
    assert not any(one["significant"] or one["significant_overall"] for one in metrics)
    assert {one["p_adjusted"] for one in metrics} <= {1.0, None}


def test_the_differences_have_to_be_precise() -> None:
    # The figures' own intervals are wide, those of the differences narrow: they decide, and for both alike.
    played = play(PLAN, answers, trials=5, precision=0.01, most_trials=500)
    sides = metric(played.document, "latency.mean")
    half = (sides["difference"]["high"] - sides["difference"]["low"]) / 2
    assert half <= 0.01 * sides["a"]["value"]
    assert (sides["a"]["high"] - sides["a"]["low"]) / 2 > 0.01 * sides["a"]["value"]
    assert [point["precise"] for point in played.document["points"]] == [True, True]
    assert len({point["trials"] for point in played.document["points"]}) == 1


def test_what_is_not_precise_by_the_most_trials_is_told() -> None:
    played = play(PLAN, answers, trials=5, precision=0.0001, most_trials=12)
    assert [(point["trials"], point["precise"]) for point in played.document["points"]] == [(12, False)] * 2
    assert trials_of(played.rounds) == [{"0/0": 5, "1/0": 5}, {"0/5": 5, "1/5": 5}, {"0/10": 2, "1/10": 2}]


def test_objectives_that_one_scenario_lacks_need_no_precision() -> None:
    renamed = shop(
        servers=[SHOP["spec"]["servers"][0] | {"name": "api"}],
        routers=[SHOP["spec"]["routers"][0] | {"targets": [{"server": "api"}]}],
    )
    judged = {"objectives": ["latency.p99 of server app below 1s", "latency.mean below 1s"]}

    def numbers(trial: Trial) -> Mapping[str, float]:
        return answers(trial) | {f"latency.p99 of server {trial.scenario['spec']['servers'][0]['name']}": 9.0}

    played = play(
        {"kind": "compare", "other": renamed}, numbers, scenario=shop(**judged), trials=5, precision=0.5
    )
    assert [point["precise"] for point in played.document["points"]] == [True, True]


def test_both_leave_out_the_longer_warm_up() -> None:
    def in_system(scenario: dict[str, Any]) -> NDArray[np.int64]:
        settles = 40 if scenario["spec"]["servers"][0]["cores"] == 4 else 90
        return np.where(np.arange(SAMPLES) < settles, 0, 50 + np.arange(SAMPLES) % 2)

    played = play(PLAN, answers, in_system=in_system, trials=5, warm_up="auto")
    assert trials_of(played.rounds) == [{"0/pilot": 5, "1/pilot": 5}, {"0/0": 5, "1/0": 5}]
    cuts = [point["warm_up"]["cut"] for point in played.document["points"]]
    assert cuts == [45.0] * 2
    assert [point["warmup"] for point in played.document["points"]] == cuts


def test_an_invalid_scenario_is_refused_before_anything_is_simulated() -> None:
    with pytest.raises(ScenarioError, match="cores"):
        play(
            {"kind": "compare", "other": {**SHOP, "spec": {**SHOP["spec"], "servers": [{"name": "app"}]}}},
            answers,
        )
