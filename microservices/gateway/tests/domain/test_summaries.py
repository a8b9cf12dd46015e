"""A result on one screen, whatever the result."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from gateway_testing.scenarios import SMALL

import headroom
from headroom_gateway.domain.summaries import summary_of

SCREENFUL: Final = 4096
POINTS: Final = 24
RESULTS: Final = Path(__file__).parents[4] / "tests" / "golden" / "results"
GOLDEN: Final = sorted(RESULTS.glob("*.json"))


def size_of(summary: dict[str, Any]) -> int:
    return len(json.dumps(summary, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())


def simulated(document: dict[str, Any], trials: int = 2) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(headroom.run(document, trials=trials, threads=1).to_json())
    return result


@pytest.fixture
def scenario() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(SMALL)
    return document


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_a_result_fits_on_a_screen(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    summary = summary_of(result, POINTS)
    assert size_of(summary) < SCREENFUL
    for name in ("name", "verdict", "seed", "trials", "requests", "throughput", "error_ratio"):
        assert summary[name] == result[name]
    assert summary["latency"] == {name: result["latency"][name] for name in summary["latency"]}
    assert list(summary["latency"]) == ["mean", "p50", "p90", "p95", "p99", "p999", "max"]
    assert [one["met"] for one in summary["objectives"]] == [one["met"] for one in result["objectives"]]
    for name in ("mean", "p99"):
        shares = [part["share"] for part in summary["anatomy"][name]["parts"]]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) + summary["anatomy"][name]["others_share"] == pytest.approx(1, abs=1e-4)


def test_a_thousand_trials_fit_on_a_screen(scenario: dict[str, Any]) -> None:
    scenario["spec"]["horizon"] = "500ms"
    scenario["spec"]["sample_period"] = "5ms"
    summary = summary_of(simulated(scenario, trials=1000), POINTS)
    assert summary["trials"] == 1000
    assert size_of(summary) < SCREENFUL


def test_a_wide_scenario_shows_its_busiest_servers(scenario: dict[str, Any]) -> None:
    spec = scenario["spec"]
    (server,) = spec["servers"]
    spec["servers"] = [server | {"name": f"server-{n}"} for n in range(40)]
    targets = [{"server": f"server-{n}", "weight": n + 1} for n in range(40)]
    spec["routers"] = [{"name": "lb", "policy": "weighted_round_robin", "targets": targets}]
    spec["workloads"][0] |= {"entry": "lb", "arrivals": {"kind": "poisson", "rate": "2000/s"}}
    result = simulated(scenario)
    summary = summary_of(result, POINTS)
    use = {one["name"]: one["utilisation"]["value"] for one in result["servers"]}
    shown = [one["name"] for one in summary["servers"]]
    assert len(shown) == 16
    assert summary["servers_left_out"] == 24
    assert min(use[name] for name in shown) >= max(use[name] for name in use.keys() - set(shown))
    assert shown == [name for name in use if name in shown], "in the scenario's order"
    assert all(len(summary["anatomy"][name]["parts"]) == 8 for name in ("mean", "p99"))
    assert all(summary["anatomy"][name]["others_share"] > 0 for name in ("mean", "p99"))
    assert size_of(summary) < 2 * SCREENFUL


def test_a_run_without_requests_has_a_summary(scenario: dict[str, Any]) -> None:
    scenario["spec"]["workloads"][0]["arrivals"]["rate"] = "0.0001/s"
    summary = summary_of(simulated(scenario), POINTS)
    assert summary["requests"]["total"] == 0
    assert summary["latency"]["p99"]["value"] is None
    assert summary["anatomy"]["p99"] == {"total": None, "parts": [], "others_share": 0.0}
    assert size_of(summary) < SCREENFUL


def test_a_partial_result_says_so() -> None:
    result = json.loads(GOLDEN[0].read_text(encoding="utf-8")) | {"partial": {"trials": 9}}
    assert summary_of(result, POINTS)["partial"] == {"trials": 9}


@pytest.mark.parametrize(
    ("points", "width", "expected"),
    [
        (200, 1, [1, 2, 3, 4, 5, 6, 7]),
        (7, 1, [1, 2, 3, 4, 5, 6, 7]),
        (6, 2, [1.5, 3.5, 5.5, 7]),
        (3, 3, [2, 5, 7]),
        (1, 7, [4]),
    ],
)
def test_the_series_are_thinned_to_means_of_equal_spans(
    points: int, width: int, expected: list[float]
) -> None:
    times = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    result = json.loads(GOLDEN[0].read_text(encoding="utf-8"))
    result["series"] |= {"period": 0.5, "times": times, "throughput": values, "errors": values}
    series = summary_of(result, points)["series"]
    assert series == {
        "period": 0.5 * width,
        "times": times[::width],
        "throughput": expected,
        "errors": expected,
    }
