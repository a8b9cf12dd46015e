"""Trials that were simulated in several runs give the document of one run, whatever the scenario."""

from pathlib import Path

import pytest

import headroom
from headroom.experiments import replicate
from headroom_common.result_format import published
from headroom_common.scenario.loading import load_scenario

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("example", "overrides"),
    [
        ("balanced-fleet.yaml", ["spec.horizon=20s", "spec.warmup=2s"]),
        (
            "balanced-fleet.yaml",
            ["spec.horizon=20s", "spec.warmup=2s", "spec.routers[0].policy=least_connections"],
        ),
        ("outage-and-spike.yaml", []),
        ("canary.yaml", ["spec.horizon=20s", "spec.warmup=2s"]),
        ("closed-loop.yaml", ["spec.horizon=20s", "spec.warmup=2s"]),
        ("overload-with-shedding.yaml", ["spec.horizon=20s", "spec.warmup=2s"]),
    ],
)
def test_continued_trials_are_those_of_one_run(example: str, overrides: list[str]) -> None:
    scenario = load_scenario(EXAMPLES / example, overrides=overrides).scenario
    found = replicate(scenario, precision=0.0001, trials=3, most_trials=8, seed=2**62 + 7)
    assert found.points[0]["trials"] == 8  # 3, twice as many, and the limit
    alone = headroom.run(scenario, trials=8, seed=2**62 + 7)
    assert published(found.document["result"]) == published(alone.document)
