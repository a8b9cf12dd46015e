"""Runs whose parts are added to a store one by one."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from analysis_testing.runs import completed, run_parameters
from analysis_testing.worlds import all_tables
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.result import result_document
from headroom_analysis.plans import plan_of

if TYPE_CHECKING:
    from headroom_analysis.domain.partials import Partial
    from headroom_analysis.store import FinishedRun, PartialStore, Standing
    from headroom_common.contracts.events import CompletedHeader

Place = tuple[int, int, int]
"""Trial, segment and part."""

PLAN = plan_of(run_parameters())
ROWS = 30
"""Requests of each part."""

_numbers = count()
_requests = {"requests": all_tables(np.random.default_rng(0), PLAN.layout, 0)["requests"]}


@cache
def partial(seed: int) -> Partial:
    """Statistics of some part of a run, shared by the tests: stores leave what they absorb alone."""
    return fold(all_tables(np.random.default_rng(seed), PLAN.layout, ROWS), PLAN.layout)


class Run:
    """A run of its own, of which a test adds parts.

    Args:
        trials: how many it has.
        name: runs of one name are one run, also in several processes.
    """

    def __init__(self, trials: int = 2, name: str = "") -> None:
        self.parameters = run_parameters(trials=trials, name=name or f"run {next(_numbers)}")
        self.plan = plan_of(self.parameters)

    def header(self, place: Place, *, parts: int = 1, segments: int = 2) -> CompletedHeader:
        """The header of a part of trials that have so many segments of so many parts."""
        return completed(self.parameters, place, _requests, parts=parts, segments=segments).body.header

    def try_to_add(self, store: PartialStore, place: Place, seed: int = 0, **sizes: int) -> Standing | None:
        """Add a part, of a run that nobody may want."""
        return store.add(self.header(place, **sizes), self.plan, partial(seed))

    def add(self, store: PartialStore, place: Place, seed: int = 0, **sizes: int) -> Standing:
        """Add a part of a run that is wanted."""
        standing = self.try_to_add(store, place, seed, **sizes)
        assert standing is not None
        return standing


def document_of(finished: FinishedRun, run: Run) -> dict[str, object]:
    """The result document of a finished run, which says all that is in it."""
    return result_document(finished.summaries, finished.totals, run.plan.layout, run.plan.facts)


def figures(finished: FinishedRun) -> list[tuple[int, int, bytes, float]]:
    """The summaries of a finished run, comparable."""
    return [
        (one.trial, one.requests, one.row.tobytes(), one.littles_law_residual) for one in finished.summaries
    ]
