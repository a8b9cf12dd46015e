"""Asking for an experiment: what is wrong is said at once, with the field."""

from typing import Any

import pytest

from headroom_common.experiments.asking import experiment_of
from headroom_common.experiments.model import Experiment
from headroom_common.scenario import Scenario
from headroom_common.scenario.problems import ScenarioError

SHOP = Scenario.from_dict(
    {
        "apiVersion": "headroom.dev/v1",
        "kind": "Scenario",
        "metadata": {"name": "shop"},
        "spec": {
            "horizon": "20s",
            "workloads": [
                {"name": "visitors", "entry": "app", "arrivals": {"kind": "poisson", "rate": "50/s"}}
            ],
            "servers": [{"name": "app", "cores": 1, "endpoints": [{"name": "/", "steps": [{"cpu": "5ms"}]}]}],
        },
    }
)


def problems_of(plan: dict[str, Any], **options: Any) -> str:
    with pytest.raises(ScenarioError) as refused:
        experiment_of(SHOP, plan, **options)
    return "\n".join(map(str, refused.value.problems))


def test_what_is_asked_survives_json() -> None:
    plan = {
        "kind": "capacity",
        "vary": "spec.workloads[0].rate=10/s..90/s",
        "objectives": ["latency.p99 below 250ms"],
    }
    experiment = experiment_of(SHOP, plan, precision=0.05, trials=5)
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


@pytest.mark.parametrize(
    ("plan", "options", "expected"),
    [
        ({"kind": "swep"}, {}, "plan.kind: expected one of replicate, sweep"),
        ({"kind": "sweep"}, {}, "plan.vary: expected this required key"),
        ({"kind": "sweep", "vary": []}, {}, "plan.vary"),
        ({"kind": "sweep", "vary": ["spec.servers[0].cores=0..3"]}, {}, "such as 2, found 0"),
        ({"kind": "sweep", "vary": ["spec.servers[0].kores=1..3"]}, {}, "did you mean 'cores'?"),
        ({"kind": "sweep", "vary": ["spec.servers[0].cores=2..1"]}, {}, "plan.vary[0]"),
        ({"kind": "sweep", "vary": ["spec.servers[0].replicas=1..3"]}, {}, "expected a router"),
        (
            {"kind": "sweep", "vary": ["spec.servers[0].cores=1..101", "spec.horizon=1s..9s:100"]},
            {},
            "10,100",
        ),
        ({"kind": "sensitivity", "vary": ["spec.servers[0].cores=1..3"]}, {}, "plan.vary"),
        ({"kind": "sensitivity", "vary": ["spec.servers[0].cores=1..3", "spec.horizon=9s"]}, {}, "several"),
        ({"kind": "compare", "other": {}}, {}, "plan.other"),
        ({"kind": "capacity", "vary": "spec.workloads[0].rate"}, {}, "spec.objectives"),
        ({"kind": "replicate"}, {"trials": 0}, "trials: expected"),
        ({"kind": "replicate"}, {"precision": 1.5}, "precision: expected"),
        ({"kind": "replicate"}, {"precision": 0.1, "trials": 10, "most_trials": 5}, "most_trials"),
        ({"kind": "replicate"}, {"seeds": 3}, "seeds: expected a known key"),
    ],
)
def test_bad_input_names_its_field(plan: dict[str, Any], options: dict[str, Any], expected: str) -> None:
    assert expected in problems_of(plan, **options)


def test_all_problems_are_told_together() -> None:
    text = problems_of({"kind": "sweep", "vary": ["spec.servers[0].kores=1..3", "spec.horizn=1s,2s"]})
    assert "kores" in text
    assert "horizn" in text


def test_a_value_is_blamed_for_what_it_makes_wrong_elsewhere() -> None:
    text = problems_of({"kind": "sweep", "vary": ["spec.servers[0].replicas=1..3"]})
    assert "override 'spec.servers[0].replicas=3': spec.workloads[0].entry" in text
    assert "line" not in text
