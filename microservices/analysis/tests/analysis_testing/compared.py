"""Runs to compare, made of random tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis_testing.runs import SCENARIO, run_parameters
from analysis_testing.worlds import all_tables
from headroom_analysis.domain.comparison import ComparedRun
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.trial import TrialSummary, summarise
from headroom_analysis.plans import plan_of

SERVERS: list[dict[str, Any]] = SCENARIO["spec"]["servers"]


def run(trials: int = 4, first: int = 0, seed: int = 7, **spec: Any) -> ComparedRun:
    """A run whose trials are made of the given random numbers on."""
    plan = plan_of(run_parameters(trials=trials, **spec).model_copy(update={"seed": seed}))
    summaries: list[TrialSummary] = []
    for trial in range(trials):
        partial = fold(all_tables(np.random.default_rng(first + trial), plan.layout, 200), plan.layout)
        summaries.append(summarise(trial, partial, plan.layout, plan.facts.servers))
    return ComparedRun(f"run of {seed}", plan.facts, plan.layout, summaries, "pass")
