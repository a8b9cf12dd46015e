"""The warm-up that a pilot shows: MSER-5 on the number of requests in all servers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analysis_testing.adding import PLAN

from headroom_analysis.domain.exact import Tally
from headroom_analysis.domain.partials import STATES
from headroom_analysis.domain.trial import RunTotals, TrialSummary
from headroom_analysis.experiments.warm_up import warm_up_of
from headroom_analysis.store import KeptTrials

TICKS = PLAN.layout.ticks


def pilot(inside: np.ndarray, trials: int = 5) -> KeptTrials:
    """A pilot in whose servers so many requests are at the ticks, shared out over the cells."""
    samples = np.zeros((TICKS, PLAN.layout.cells * len(STATES)), np.int64)
    columns = range(STATES.index("in_system"), samples.shape[1], len(STATES))
    for place, column in enumerate(columns):
        samples[:, column] = inside // len(columns) + (place < inside % len(columns))
    totals = replace(RunTotals.empty(PLAN.layout), samples=Tally.of(samples))
    summaries = tuple(TrialSummary(trial, 1, np.zeros(1), 0.0) for trial in range(trials))
    return KeptTrials(PLAN, summaries, totals, "none")


def naive_cut(series: np.ndarray) -> int:
    """MSER-5 by its definition."""
    means = [float(np.mean(series[at : at + 5])) for at in range(0, len(series) // 5 * 5, 5)]
    merits = [
        sum((mean - np.mean(means[cut:])) ** 2 for mean in means[cut:]) / len(means[cut:]) ** 2
        for cut in range(len(means) // 2 + 1)
    ]
    return 5 * merits.index(min(merits))


def test_a_ramp_is_cut_off() -> None:
    rng = np.random.default_rng(3)
    inside = np.minimum(np.arange(TICKS) * 20, 400) + rng.integers(0, 20, TICKS)
    found = warm_up_of(pilot(inside))
    assert found.cut_ns == naive_cut(inside) * PLAN.layout.period_ns
    assert 15 <= found.cut_ns // PLAN.layout.period_ns <= 25
    assert found.settled
    assert found.document() == {
        "rule": "MSER-5",
        "cut": found.cut_ns / 1e9,
        "settled": True,
        "pilot_trials": 5,
    }


def test_what_is_steady_from_the_start_keeps_everything() -> None:
    found = warm_up_of(pilot(np.full(TICKS, 7), trials=3))
    assert (found.cut_ns, found.settled, found.trials) == (0, True, 3)


def test_what_never_settles_says_so() -> None:
    found = warm_up_of(pilot(np.arange(TICKS) * 9))
    assert found.cut_ns == pytest.approx(PLAN.layout.horizon_ns / 2, rel=0.1)
    assert not found.settled
