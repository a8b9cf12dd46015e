"""Segment size, threads and where routing is decided change no byte of a result."""

from __future__ import annotations

import itertools
import json

import pytest
from regenerate import NAMES, SCENARIOS, checksum

from headroom import Scenario, run

SEGMENTS = (1_000, 100_000)
THREADS = (1, 2)
LATE_BOUND = (False, True)


def long(name: str) -> Scenario:
    """A golden scenario that goes on until it has several segments of a thousand arrivals."""
    document = Scenario.from_yaml(SCENARIOS / f"{name}.yaml").canonical()
    document["spec"]["horizon"] = "60s"
    document["spec"]["sample_period"] = "6s"
    return Scenario.from_dict(document)


@pytest.mark.parametrize("name", NAMES)
def test_the_matrix_has_one_result(name: str) -> None:
    scenario = long(name)
    sums = {
        (segment, threads, late): checksum(
            run(
                scenario, trials=3, seed=7, segment_arrivals=segment, threads=threads, late_bound=late
            ).to_json()
        )
        for segment, threads, late in itertools.product(SEGMENTS, THREADS, LATE_BOUND)
    }
    assert len(set(sums.values())) == 1, sums


def test_the_larger_segments_are_cut_too() -> None:
    document = Scenario.from_yaml(SCENARIOS / "outage.yaml").canonical()
    document["spec"] |= {"horizon": "900s", "sample_period": "90s"}
    scenario = Scenario.from_dict(document)
    results = {
        run(scenario, trials=1, seed=7, segment_arrivals=segment, late_bound=late).to_json()
        for segment, late in itertools.product(SEGMENTS, LATE_BOUND)
    }
    (result,) = results
    assert json.loads(result)["requests"]["total"] > SEGMENTS[-1]


@pytest.mark.parametrize("segment_arrivals", [1, 7, 64])
def test_tiny_segments_too(segment_arrivals: int) -> None:
    document = Scenario.from_yaml(SCENARIOS / "outage.yaml").canonical()
    document["spec"]["horizon"] = "2500ms"
    scenario = Scenario.from_dict(document)
    whole = run(scenario, trials=2, seed=7).to_json()
    assert run(scenario, trials=2, seed=7, segment_arrivals=segment_arrivals).to_json() == whole


def test_another_seed_and_another_trial_are_another_result() -> None:
    scenario = Scenario.from_yaml(SCENARIOS / "outage.yaml")
    results = [run(scenario, trials=1, seed=seed) for seed in (1, 2)]
    assert results[0].latency["mean"] != results[1].latency["mean"]
    two = run(scenario, trials=2, seed=1)
    assert two.latency["mean"].low != two.latency["mean"].high


def test_a_trial_does_not_depend_on_how_many_there_are() -> None:
    scenario = Scenario.from_yaml(SCENARIOS / "outage.yaml")
    counts = [run(scenario, trials=trials, seed=5).document["requests"]["total"] for trials in (1, 2, 3)]
    assert 0 < counts[0] < counts[1] < counts[2]
