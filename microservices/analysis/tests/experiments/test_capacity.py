"""Capacity search on trials that were made up: what it finds, how often it looks, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from analysis_testing.made_up import play
from analysis_testing.runs import SCENARIO
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_common.experiments.asking import experiment_of
from headroom_common.scenario import Scenario
from headroom_common.scenario.units import parse_rate
from headroom_common.simcore.random import later_trials

if TYPE_CHECKING:
    from headroom_common.experiments.model import Experiment

RATE = "spec.workloads[batch].rate"
REPLICAS = "spec.servers[app].replicas"
OBJECTIVE = "latency.p99 below 1s"


def asked(vary: str, objectives: tuple[str, ...] = (OBJECTIVE,), **options: Any) -> Experiment:
    plan = {"kind": "capacity", "vary": vary, "objectives": list(objectives)}
    plan |= {key: options.pop(key) for key in ("find", "tolerance") if key in options}
    return experiment_of(Scenario.from_dict(SCENARIO), plan, **options)


def replicas(scenario: dict[str, Any]) -> int:
    found: int = scenario["spec"]["servers"][0]["replicas"]
    return found


def rate(scenario: dict[str, Any]) -> float:
    return parse_rate(scenario["spec"]["workloads"][1]["arrivals"]["rate"])


def text(value: dict[str, Any] | None) -> str | None:
    return None if value is None else value["text"]


@settings(max_examples=25)
@given(high=st.integers(2, 40), needed=st.integers(1, 41))
def test_it_finds_what_looking_at_every_number_finds(high: int, needed: int) -> None:
    document, _ = play(
        asked(f"{REPLICAS}=1..{high}", trials=2),
        lambda scenario, trial: {"latency.p99": (0.5 if replicas(scenario) >= needed else 2.0) + trial / 100},
    )
    found = document["capacity"]
    good = [number for number in range(1, high + 1) if number >= needed]
    assert text(found["answer"]) == (str(min(good)) if good else None)
    assert text(found["next"]) == (str(needed - 1) if good and needed > 1 else None if good else str(high))
    assert found["bounded_by"] == ("search range" if needed == 1 else None)
    assert found["certain"] is found["monotone"] is True
    assert found["headroom"] == (pytest.approx(2 / needed - 1) if good else None)
    verdicts = {step["value"]["number"]: step["verdict"] for step in found["steps"]}
    assert all((verdict == "pass") == (number >= needed) for number, verdict in verdicts.items())
    assert [step["point"] for step in found["steps"]] == list(range(len(document["points"])))


def test_the_largest_load_is_found_around_todays() -> None:
    document, wanted = play(
        asked(RATE, trials=3, tolerance=0.02),
        lambda scenario, trial: {"latency.p99": rate(scenario) / 37 + trial * 1e-9},
    )
    found = document["capacity"]
    assert (found["find"], found["find_by"], found["unit"]) == ("largest", "name", "/s")
    assert found["today"] == {"path": RATE, "text": "5/s", "number": 5.0, "unit": "/s"}
    assert [found["range"][end]["number"] for end in ("low", "high")] == pytest.approx(
        [5 / 1024, 5 * 1024], rel=1e-5
    )
    answer, missed = found["answer"]["number"], found["next"]["number"]
    assert answer < 37 <= missed <= answer * 1.02
    assert found["headroom"] == pytest.approx(answer / 5 - 1)
    assert found["objectives"] == [OBJECTIVE]
    assert [step["value"]["text"] for step in found["steps"][:5]] == ["5/s", "10/s", "20/s", "40/s", "30/s"]
    assert {batch.scenario["spec"]["objectives"][0] for batch in wanted} == {OBJECTIVE}
    assert document["scenario"]["spec"]["objectives"] == SCENARIO["spec"]["objectives"]


def test_the_scenarios_own_objectives_are_met_without_others() -> None:
    document, _ = play(
        asked(f"{REPLICAS}=1..4", ()), lambda scenario, _: {"latency.p99": 1 / replicas(scenario) ** 2}
    )
    assert document["capacity"]["objectives"] == SCENARIO["spec"]["objectives"]
    assert text(document["capacity"]["answer"]) == "3"


def test_an_uncertain_verdict_is_sampled_again_until_it_is_certain() -> None:
    def noisy(scenario: dict[str, Any], trial: int) -> dict[str, float | None]:
        return {"latency.p99": (0.95 if replicas(scenario) >= 3 else 5.0) + (-0.2 if trial % 2 else 0.2)}

    document, wanted = play(asked(f"{REPLICAS}=1..4", trials=5), noisy)
    found = document["capacity"]
    assert text(found["answer"]) == "3"
    assert found["certain"]
    trials = {step["value"]["text"]: step["trials"] for step in found["steps"]}
    # half width 1.96 · 0.2 / sqrt(n) < 0.05 needs some sixty trials
    assert 60 < trials["3"] < 100
    assert trials["2"] == 5
    point = next(step["point"] for step in found["steps"] if step["value"]["text"] == "3")
    batches = [batch for batch in wanted if batch.name.startswith(f"{point}/")]
    first = 0
    for batch in batches:  # each goes on where the one before ended
        assert batch.name == f"{point}/{first}"
        assert batch.seed == later_trials(1, first)
        first += batch.trials
    assert first == trials["3"]


def test_what_stays_uncertain_at_the_limit_says_so() -> None:
    def noisy(_: dict[str, Any], trial: int) -> dict[str, float | None]:
        return {"latency.p99": 0.999 if trial % 2 else 1.0004}

    document, _ = play(asked(f"{REPLICAS}=1..2", trials=4, most_trials=9), noisy)
    found = document["capacity"]
    assert not found["certain"]
    assert [step["trials"] for step in found["steps"]] == [9, 9]
    assert text(found["answer"]) == "1"  # by the estimates


def test_one_certain_miss_settles_a_verdict() -> None:
    def noisy(_: dict[str, Any], trial: int) -> dict[str, float | None]:
        return {"latency.p99": 0.9 if trial % 2 else 1.1, "latency.p50": 3.0}

    document, _ = play(asked(f"{REPLICAS}=1..2", (OBJECTIVE, "latency.p50 below 2s"), trials=4), noisy)
    found = document["capacity"]
    assert (found["answer"], text(found["next"]), found["certain"]) == (None, "2", True)
    assert [step["trials"] for step in found["steps"]] == [4]


def test_a_single_trial_is_not_enough_to_be_certain() -> None:
    document, _ = play(asked(f"{REPLICAS}=1..2", trials=1), lambda *_: {"latency.p99": 0.5})
    assert [step["trials"] for step in document["capacity"]["steps"]] == [2, 2]
    assert document["capacity"]["certain"]


def test_without_data_objectives_are_missed_and_nothing_is_certain() -> None:
    document, _ = play(asked(f"{REPLICAS}=1..2", trials=3), lambda *_: {"latency.p99": None})
    found = document["capacity"]
    assert (found["answer"], found["certain"]) == (None, False)
    assert [step["trials"] for step in found["steps"]] == [3]


def test_verdicts_that_contradict_each_other_are_told() -> None:
    """Six and more replicas are enough, four too, but not five."""

    def odd(scenario: dict[str, Any], _: int) -> dict[str, float | None]:
        return {"latency.p99": 0.5 if replicas(scenario) in (4, 6, 7, 8) else 2.0}

    document, _ = play(asked(f"{REPLICAS}=1..8", trials=2), odd)
    found = document["capacity"]
    assert (text(found["answer"]), text(found["next"])) == ("6", "5")
    assert not found["monotone"]


def test_a_precision_holds_for_every_point_of_a_search() -> None:
    document, _ = play(
        asked(f"{REPLICAS}=1..2", trials=3, precision=0.05, most_trials=500),
        lambda _, trial: {"latency.p99": 0.5 + (0.05 if trial % 2 else -0.05)},
    )
    assert all(point["precise"] and point["trials"] > 10 for point in document["points"])


def test_playing_it_again_wants_the_same() -> None:
    experiment = asked(RATE, trials=2)

    def world(scenario: dict[str, Any], trial: int) -> dict[str, float | None]:
        return {"latency.p99": rate(scenario) / 9 + trial / 10}

    assert play(experiment, world) == play(experiment, world)


def test_what_saturates_first_is_told() -> None:
    document, _ = play(
        asked(f"{RATE}=1/s..9/s", trials=2),
        lambda scenario, _: {"latency.p99": rate(scenario) / 5},
    )
    first = document["capacity"]["first_to_saturate"]
    assert first["server"] in {"app", "store"}
    assert first["at"] == document["capacity"]["next"]
