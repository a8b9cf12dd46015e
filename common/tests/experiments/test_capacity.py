"""What a capacity search looks for: found by names and today's values, and refused at the door."""

from typing import Any

import pytest

from headroom_common.experiments.asking import experiment_of
from headroom_common.experiments.capacity import Search, search_of
from headroom_common.experiments.model import Capacity
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
                {"name": "visitors", "entry": "lb", "arrivals": {"kind": "poisson", "rate": "50/s"}},
                {
                    "name": "crowd",
                    "entry": "lb",
                    "arrivals": {"kind": "closed", "users": 30, "think_time": "2s"},
                },
                {
                    "name": "wave",
                    "entry": "lb",
                    "arrivals": {
                        "kind": "poisson",
                        "rate": {"shape": "step", "points": [{"at": "0s", "rate": "5/s"}]},
                    },
                },
            ],
            "links": [{"name": "lan", "delay": "1ms", "loss": "20%"}],
            "routers": [
                {
                    "name": "lb",
                    "policy": "random",
                    "targets": [{"server": "app", "link": "lan", "weight": 2.5}],
                    "rate_limit": {"rate": "900/s", "burst": 10},
                }
            ],
            "servers": [
                {
                    "name": "app",
                    "cores": 4,
                    "replicas": 2,
                    "memory": "2Gi",
                    "pools": [{"name": "db", "size": 8}],
                    "queue_limit": 0,
                    "endpoints": [
                        {
                            "name": "/",
                            "memory": "1Mi",
                            "steps": [
                                {"cpu": "5ms"},
                                {
                                    "pool": "db",
                                    "steps": [{"io": {"distribution": "exponential", "mean": "8ms"}}],
                                },
                            ],
                        }
                    ],
                }
            ],
            "objectives": ["latency.p99 below 1s"],
        },
    }
)


def search(vary: str, **plan: Any) -> Search:
    return search_of(SHOP.canonical(), Capacity.model_validate({"vary": vary, **plan}))


@pytest.mark.parametrize(
    ("path", "find"),
    [
        ("spec.workloads[0].rate", "largest"),
        ("spec.workloads[crowd].arrivals.users", "largest"),
        ("spec.workloads[crowd].arrivals.think_time", "smallest"),
        ("spec.servers[app].replicas", "smallest"),
        ("spec.servers[app].cores", "smallest"),
        ("spec.servers[app].memory", "smallest"),
        ("spec.servers[app].pools[db].size", "smallest"),
        ("spec.servers[app].endpoints[0].memory", "largest"),
        ("spec.servers[app].endpoints[0].steps[0].cpu", "largest"),
        ("spec.servers[app].endpoints[0].steps[1].steps[0].io.mean", "largest"),
        ("spec.links[lan].loss", "largest"),
        ("spec.routers[lb].rate_limit.rate", "smallest"),
    ],
)
def test_the_name_tells_which_end_to_find(path: str, find: str) -> None:
    try:
        assert search(path).find == find
    except ScenarioError:  # think_time is a mapping in the canonical document: a range is needed
        assert search(f"{path}=1s..4s").find == find
    assert search(f"{path}={_range(path)}", find="smallest").find == "smallest"


def _range(path: str) -> str:
    text = next(
        (text for text in ("1..2", "1/s..2/s", "1s..2s", "1Mi..2Mi", "1%..2%") if _fits(path, text)), ""
    )
    assert text
    return text


def _fits(path: str, text: str) -> bool:
    try:
        search(f"{path}={text}")
    except ScenarioError:
        return False
    return True


def test_around_todays_value_it_goes_as_far_as_the_scenario_lets_it() -> None:
    rate = search("spec.workloads[0].rate")
    assert (rate.start, rate.today, rate.range.low.unit) == (50, 50, "/s")
    assert (rate.range.low.number, rate.range.high.number) == (50 / 1024, 50 * 1024)
    assert not rate.range.whole
    cores = search("spec.servers[app].cores")
    assert (cores.range.low.number, cores.start, cores.range.high.number) == (1, 4, 4 * 1024)
    assert cores.range.whole
    loss = search("spec.links[lan].loss")
    assert loss.range.high.number == 80  # per cent; twice as much is no share
    memory = search("spec.servers[app].memory")
    assert memory.range.high.number == 2 * 1024
    assert memory.text(3.5) == "3.5Gi"


def test_todays_value_is_told_in_the_ranges_unit() -> None:
    assert search("spec.workloads[0].rate=60/min..9000/min").today == 3000
    assert search("spec.servers[app].memory=512Mi..9999Mi").today == 2048
    assert search("spec.links[lan].loss=0..0.5").today == pytest.approx(0.2)
    assert search("spec.workloads[wave].arrivals.rate=1/s..9/s").today is None
    assert search("spec.servers[app].concurrency_limit=1..9").today is None
    assert search("spec.workloads[0].rate=1/s..9/s").start is None


def test_the_plans_objectives_take_the_place_of_the_scenarios() -> None:
    assert search("spec.servers[app].cores").objectives == ["latency.p99 below 1s"]
    mine = ["error_ratio below 1%", "utilisation of server app below 80%"]
    assert search("spec.servers[app].cores", objectives=mine).objectives == mine


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({"vary": "spec.servers[app].kores"}, "did you mean 'cores'?"),
        ({"vary": "spec.servers[web].cores"}, "expected the index or the name of an item, found 'web'"),
        ({"vary": "spec.servers[4].cores=1..2"}, "expected an index below 1, found 4"),
        ({"vary": "spec.servers[app]"}, "expected a place with a number above 0, found a mapping"),
        ({"vary": "spec.servers[app].name"}, "found 'app'"),
        ({"vary": "spec.servers[app].concurrency_limit"}, "number above 0, found nothing (say where to look"),
        ({"vary": "spec.servers[app].queue_limit"}, "number above 0, found 0"),
        ({"vary": "spec.workloads[wave].arrivals.rate"}, "found a mapping"),
        ({"vary": "spec.routers[lb].targets[0].weight"}, "plan.find: expected 'largest' or 'smallest'"),
        ({"vary": "spec.servers[app].cores=5..5"}, "a lower end below the higher one"),
        ({"vary": "spec.servers[app].cores=1,2"}, "a range to search"),
        ({"vary": "spec.servers[app].cores=1..9:3"}, "without a count of values"),
        ({"vary": "spec.servers[app].cores=0..9"}, "such as 2, found 0"),
        ({"vary": "spec.workloads[0].rate=1/s..9/min"}, "both ends in the same unit"),
        ({"vary": "spec.servers[app].cores="}, "expected PATH or PATH=LOW..HIGH"),
        ({"vary": "spec servers"}, "expected PATH"),
        (
            {"vary": "spec.servers[app].cores", "objectives": ["utilisation of server web below 80%"]},
            "web",
        ),
        ({"vary": "spec.servers[app].cores", "objectives": ["latency below 1s"]}, "plan.objectives[0]"),
        ({"vary": "spec.servers[app].cores", "find": "best"}, "plan.find"),
        ({"vary": "spec.servers[app].cores", "tolerance": 0.0}, "plan.tolerance"),
    ],
)
def test_what_cannot_be_searched_is_refused_at_the_door(plan: dict[str, Any], expected: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        experiment_of(SHOP, {"kind": "capacity", **plan})
    assert expected in str(refused.value)
    assert "line" not in str(refused.value)


def test_without_objectives_there_is_nothing_to_search() -> None:
    bare = SHOP.model_copy(update={"spec": SHOP.spec.model_copy(update={"objectives": ()})})
    with pytest.raises(ScenarioError, match=r"plan\.objectives: expected an objective here or in"):
        experiment_of(bare, {"kind": "capacity", "vary": "spec.servers[app].cores"})


def test_a_precision_starts_from_three_trials() -> None:
    with pytest.raises(ScenarioError, match="trials of at least 3, which a precision starts from"):
        experiment_of(SHOP, {"kind": "replicate"}, trials=2, precision=0.05)
    assert experiment_of(SHOP, {"kind": "replicate"}, trials=2).trials == 2
