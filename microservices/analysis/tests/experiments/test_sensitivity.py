"""What matters, on functions of which it is known: the estimators, the points, and what is refused."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from analysis_testing.labs import SHOP, Played, Trial, play

from headroom_common.errors import PermanentError
from headroom_common.experiments.asking import experiment_of
from headroom_common.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

APP = "spec.servers[0].endpoints[0].steps"
CPU, IO, TIMEOUT = f"{APP}[0].cpu", f"{APP}[1].io", "spec.workloads[0].timeout"
VARY = [f"{CPU}=0ms..1ms", f"{IO}=0ms..1ms", f"{TIMEOUT}=1s..2s"]
"""Three durations of `SHOP`; a function of the unit cube is laid over them."""


def shares(scenario: dict[str, Any]) -> tuple[float, float, float]:
    """Where a scenario is in the unit cube of `VARY`."""
    steps = scenario["spec"]["servers"][0]["endpoints"][0]["steps"]
    return (
        milliseconds(steps[0]["cpu"]),
        milliseconds(steps[1]["io"]),
        milliseconds(scenario["spec"]["workloads"][0].get("timeout") or "1s") / 1e3 - 1,
    )


def milliseconds(duration: Any) -> float:
    text = str(duration["value"] if isinstance(duration, dict) else duration)
    number = text.rstrip("nµums")
    return float(number) * {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}[text[len(number) :]]


def measuring(
    function: Callable[..., float], metric: str = "latency.p99"
) -> Callable[[Trial], Mapping[str, float]]:
    return lambda trial: {metric: function(*shares(trial.scenario))}


def analysed(function: Callable[..., float], *, metric: str = "latency.p99", **plan: Any) -> dict[str, Any]:
    """The section of an analysis of a function of the unit cube."""
    asked = {"kind": "sensitivity", "vary": VARY, "metric": metric, **plan}
    section: dict[str, Any] = play(asked, measuring(function, metric), trials=2).document["sensitivity"]
    return section


def of(section: dict[str, Any], path: str) -> dict[str, Any]:
    (found,) = [one for one in section["parameters"] if one["path"] == path]
    return dict(found)


def ishigami(x: float, y: float, z: float) -> float:
    """Ishigami and Homma's function, lifted above 0; its indices are known in closed form."""
    a, b, c = (math.pi * (2 * share - 1) for share in (x, y, z))
    return 20 + math.sin(a) + 7 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a)


def test_sobol_finds_the_indices_that_are_known() -> None:
    section = analysed(ishigami, method="sobol", samples=128)
    total = 0.5 + 49 / 8 + 0.1 * math.pi**4 / 5 + 0.01 * math.pi**8 / 18
    alone = {CPU: 0.5 * (1 + 0.1 * math.pi**4 / 5) ** 2 / total, IO: 49 / 8 / total, TIMEOUT: 0.0}
    together = 0.01 * math.pi**8 * (1 / 18 - 1 / 50) / total  # of the first and the third
    for path, share in alone.items():
        found = of(section, path)
        assert found["s1"]["low"] - 0.02 <= share <= found["s1"]["high"] + 0.02
        whole = share + (0 if path == IO else together)
        assert found["st"]["low"] - 0.02 <= whole <= found["st"]["high"] + 0.02
        assert found["st"]["value"] == pytest.approx(whole, abs=0.1)
    assert [one["path"] for one in section["parameters"]] == [CPU, IO, TIMEOUT]
    assert [one["rank"] for one in section["parameters"]] == [1, 2, 3]


def test_morris_finds_the_slopes_of_a_plane() -> None:
    section = analysed(lambda x, y, z: 9 + 2 * x - 5 * y + 0 * z)
    for path, slope in ((CPU, 2), (IO, -5), (TIMEOUT, 0)):
        found = of(section, path)
        assert found["mu"] == pytest.approx(slope, abs=1e-5)
        assert found["mu_star"]["value"] == pytest.approx(abs(slope), abs=1e-5)
        assert found["mu_star"]["low"] == pytest.approx(found["mu_star"]["high"], abs=1e-5)
        assert found["sigma"] == pytest.approx(0, abs=1e-4)
    assert [one["path"] for one in section["parameters"]] == [IO, CPU, TIMEOUT]
    assert (section["method"], section["samples"], section["metric"]) == ("morris", 10, "latency.p99")


def test_morris_sees_that_parameters_act_together() -> None:
    section = analysed(lambda x, y, z: 1 + x * y + 0.1 * z, samples=50)
    assert of(section, CPU)["sigma"] > 0.2
    assert of(section, TIMEOUT)["sigma"] == pytest.approx(0, abs=1e-4)
    assert of(section, CPU)["mu_star"]["low"] < 0.5 < of(section, CPU)["mu_star"]["high"]


@pytest.mark.parametrize(("method", "rows"), [("morris", 4), ("sobol", 5)])
def test_all_points_are_asked_for_at_once_and_none_twice(method: str, rows: int) -> None:
    played = simulated(method, 4)
    (batches,) = played.rounds
    scenarios = [json.dumps(batch.scenario) for batch in batches]
    assert len(set(scenarios)) == len(scenarios) == len(played.document["points"])
    assert len({batch.seed for batch in batches}) == 1
    assert 7 < len(scenarios) <= 1 + 6 + 4 * rows


def test_a_trajectory_moves_one_parameter_at_a_time() -> None:
    played = simulated("morris", 2)
    rows = [tuple(one["text"] for one in point["values"]) for point in played.document["points"]]
    trajectories = [row for row in rows if len(row) == 3]
    moves = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairwise(trajectories)]
    assert moves[:3] == [1, 1, 1]


def test_the_tornado_moves_each_parameter_by_itself() -> None:
    section = analysed(lambda x, y, z: 1 + x + 10 * y + 100 * z)
    base = section["base"]["value"]  # 5 ms and 20 ms of cpu and io: outside the ranges, as a scenario may be
    found = of(section, IO)
    assert found["tornado"]["low"]["value"] == pytest.approx(base - 10 * 20)
    assert found["tornado"]["high"]["value"] == pytest.approx(base - 10 * 19)
    assert (found["low"]["text"], found["high"]["text"]) == ("0ms", "1ms")
    assert (found["high"]["number"], found["high"]["unit"]) == (1.0, "ms")


def test_whole_numbers_lists_and_logarithms_are_ranges_too() -> None:
    vary = [
        "spec.servers[0].cores=1..4",
        "spec.workloads[0].arrivals.rate=1/s..1000/s:log",
        "spec.routers[0].policy=round_robin,random,least_connections",
    ]

    def numbers(trial: Trial) -> Mapping[str, float]:
        spec = trial.scenario["spec"]
        rate = float(spec["workloads"][0]["arrivals"]["rate"].removesuffix("/s"))
        return {"latency.p99": spec["servers"][0]["cores"] + math.log10(rate) * 10}

    played = play({"kind": "sensitivity", "vary": vary}, numbers, trials=2)
    found = {one["path"].rpartition(".")[2]: one for one in played.document["sensitivity"]["parameters"]}
    assert found["rate"]["mu_star"]["value"] == pytest.approx(30, rel=1e-3)  # three decades of 10 each
    assert found["cores"]["mu_star"]["value"] == pytest.approx(3, rel=0.01)
    assert found["policy"]["mu_star"]["value"] == 0
    assert found["policy"]["low"]["text"] == "round_robin"
    assert found["policy"]["high"]["text"] == "least_connections"


def test_the_metric_may_be_of_a_server() -> None:
    section = analysed(lambda x, y, z: 1 + x + 0 * (y + z), metric="latency.mean of server app")
    assert (section["metric"], section["scope"], section["unit"]) == ("latency.mean", {"server": "app"}, "s")
    assert section["parameters"][0]["path"] == CPU
    played = simulated("morris", 2, metric="utilisation of server app")
    figures = played.document["points"][0]["figures"]
    assert [one["scope"] for one in figures if one["metric"] == "utilisation"] == [{"server": "app"}]


def test_the_metric_has_to_be_precise_and_nothing_else() -> None:
    def numbers(trial: Trial) -> Mapping[str, float]:
        noise = (-1) ** trial.index
        return {"latency.p99": 10 + noise + sum(shares(trial.scenario)), "latency.mean": 10 + 9 * noise}

    asked = {"kind": "sensitivity", "vary": VARY, "samples": 2}
    played = play(asked, numbers, trials=4, precision=0.05, most_trials=200)
    assert all(point["precise"] and 4 < point["trials"] < 100 for point in played.document["points"])


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_where_nothing_varies_nothing_matters(method: str) -> None:
    section = analysed(lambda x, y, z: 7 + 0 * (x + y + z), method=method, samples=8)
    key = {"morris": "mu_star", "sobol": "st"}[method]
    assert {one[key]["value"] for one in section["parameters"]} == {{"morris": 0.0, "sobol": None}[method]}
    assert [one["path"] for one in section["parameters"]] == [CPU, IO, TIMEOUT]


def test_a_point_without_data_is_told_with_its_values() -> None:
    with pytest.raises(
        PermanentError, match=r"latency\.p99: expected data .* none at .*timeout=2s"
    ) as failed:
        analysed(lambda x, y, z: math.nan if z == 1 else x + y)
    assert "error_ratio" in failed.value.next_step


def test_a_metric_of_what_is_not_there_is_told() -> None:
    with pytest.raises(PermanentError, match="expected a server of app, found db"):
        play({"kind": "sensitivity", "vary": VARY, "metric": "latency.p99 of server db"}, lambda _: {})


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({"vary": [f"{CPU}=1ms..2ms"]}, "plan.vary"),
        ({"vary": [f"{CPU}=1ms..2ms", f"{IO}=1ms"]}, "expected a range or several values"),
        ({"vary": [f"{CPU}=1ms..2ms", f"{CPU}=2ms..3ms"]}, "expected each place once"),
        ({"vary": [f"{CPU}=1ms..2ms", "spec.servers[0].kores=1..2"]}, "did you mean 'cores'"),
        ({"vary": [f"{CPU}=1ms..2ms", "spec.servers[7].cores=1..2"]}, "spec.servers[7]"),
        ({"metric": "latency.p98"}, "did you mean 'latency.p9"),
        ({"metric": "utilisation"}, "a server with the metric utilisation"),
        ({"metric": "latency.p99 of server ap"}, "plan.metric: expected a metric of a server"),
        ({"metric": "latency.p99 of endpoint /x"}, "of an endpoint that the scenario has"),
        ({"method": "sobol", "samples": 100}, "a power of 2"),
        ({"samples": 1}, "plan.samples"),
        ({"method": "sobol", "samples": 4096}, "10,000 points"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_simulated(plan: dict[str, Any], expected: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        experiment_of(Scenario.from_dict(SHOP), {"kind": "sensitivity", "vary": VARY, **plan})
    assert expected in "\n".join(map(str, refused.value.problems))


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_other_processes_draw_the_same(method: str) -> None:
    # Of seed 0 too, which SALib would take for none.
    script = f"""
import json, sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parent.parent)]!r}
from test_sensitivity import simulated
print(json.dumps(simulated({method!r}, 4, seed=0).document))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own interpreter
    assert json.loads(done.stdout) == simulated(method, 4, seed=0).document
    assert simulated(method, 4, seed=1).document != simulated(method, 4, seed=0).document


def simulated(method: str, samples: int, *, metric: str = "latency.p99", **options: Any) -> Played:
    """An analysis of Ishigami's function."""
    plan = {"kind": "sensitivity", "vary": VARY, "method": method, "samples": samples, "metric": metric}
    return play(plan, measuring(ishigami, metric), trials=2, **options)
