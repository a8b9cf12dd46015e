"""Trials without end: one independent replication after another, for studies of many runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from headroom.embedded import follow
from headroom.quiet import quiet_unless_configured
from headroom.runs import run_parameters
from headroom.services import SERVICES
from headroom_analysis.handlers import Analysis
from headroom_analysis.store import KeptTrials, MemoryStore
from headroom_common.event_manager.subscriptions import subscribing
from headroom_common.event_manager.workers import available_cores
from headroom_common.scenario import Scenario
from headroom_common.simcore.random import later_trials

CHUNK = 250
"""Trials that are simulated at a time."""


class Stream:
    """The trials of a scenario under one seed, in their order, simulated by the services' own handlers.

    Args:
        document: the scenario.
        seed: of all randomness.
    """

    def __init__(self, document: dict[str, Any], seed: int) -> None:
        self._scenario = Scenario.from_dict(document)
        self._seed = seed
        self._simulated = 0
        self._left: KeptTrials | None = None

    def take(self, count: int) -> KeptTrials:
        """Return the next trials, numbered from 0; the totals are of others too and no use."""
        taken: list[Any] = []
        while self._left is None or len(taken) + len(self._left.summaries) < count:
            if self._left is not None:
                taken += self._left.summaries
            self._left = self._more()
        rest = count - len(taken)
        taken += self._left.summaries[:rest]
        self._left = replace(self._left, summaries=self._left.summaries[rest:])
        numbered = tuple(replace(summary, trial=trial) for trial, summary in enumerate(taken))
        return replace(self._left, summaries=numbered)

    def _more(self) -> KeptTrials:
        store = MemoryStore()
        threads = available_cores()
        parameters = run_parameters(
            self._scenario,
            trials=CHUNK,
            seed=later_trials(self._seed, self._simulated),
            window=max(2, threads),
        )
        quiet_unless_configured()
        services = {**SERVICES, "analysis": lambda: subscribing(Analysis(store).handlers)}
        asyncio.run(follow(parameters, self._scenario.spec.horizon, None, threads=threads, services=services))
        kept = store.trials(parameters.run_id)
        assert kept is not None
        self._simulated += CHUNK
        return kept
