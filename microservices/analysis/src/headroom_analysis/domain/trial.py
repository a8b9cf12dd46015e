"""One finished trial as plain numbers, and what all trials of a run add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from headroom_analysis.domain.accumulators import CATEGORIES, FLAGS, IN_TRIAL_WINDOW
from headroom_analysis.domain.anatomy import anatomy_tree
from headroom_analysis.domain.exact import Tally
from headroom_analysis.domain.latency import (
    counts_by_category,
    histogram_of,
    latency_tree,
    traffic_tree,
)
from headroom_analysis.domain.partials import SERVER_SUMS, STATES, Partial
from headroom_analysis.domain.scopes import Scope, scopes_of
from headroom_analysis.domain.servers import server_tree
from headroom_analysis.domain.trees import Tree, row_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_analysis.domain.facts import ServerFacts
    from headroom_analysis.domain.layout import Layout

_AREA = SERVER_SUMS.index("little_area_ns")
_SOJOURN = SERVER_SUMS.index("little_sojourn_ns")


@dataclass(frozen=True, slots=True, eq=False)
class TrialSummary:
    """The numbers of one trial of which a run's figures are means.

    Attributes:
        trial: index of the trial.
        requests: how many were simulated, warm-up included.
        row: the numbers of `trial_tree` as a row, NaN where there is no data, shape (numbers,).
        littles_law_residual: largest |area - sojourn| / max(area, 1) over the servers.
    """

    trial: int
    requests: int
    row: NDArray[np.float64]
    littles_law_residual: float


@dataclass(slots=True, eq=False)
class RunTotals:
    """What adds up over trials, exactly and in any order.

    Attributes:
        requests: simulated, warm-up included.
        measured: arrived in the measured window.
        histogram: of all measured ok latencies, rows are buckets, one column.
        ended: as in `Partial`.
        samples: as in `Partial`.
        pool_samples: as in `Partial`.
        link_samples: as in `Partial`.
    """

    requests: int
    measured: int
    histogram: Tally
    ended: Tally
    samples: Tally
    pool_samples: Tally
    link_samples: Tally

    @classmethod
    def empty(cls, layout: Layout) -> Self:
        """Return the totals of no trial."""
        return cls(
            requests=0,
            measured=0,
            histogram=Tally.zeros(0, 1),
            ended=Tally.zeros(layout.bins, 2),
            samples=Tally.zeros(layout.ticks + 1, layout.cells * len(STATES)),
            pool_samples=Tally.zeros(layout.ticks + 1, layout.cells * layout.pool_slots),
            link_samples=Tally.zeros(layout.ticks + 1, layout.links),
        )

    def absorb(self, partial: Partial, layout: Layout) -> None:
        """Add a whole trial, in place; `partial` is not changed."""
        everything = scopes_of(layout).everything()
        categories = counts_by_category(partial, everything)
        self.requests += partial.requests
        self.measured += sum(
            categories[category] for category in range(CATEGORIES) if category % FLAGS & IN_TRIAL_WINDOW
        )
        self.histogram.absorb(
            Tally.of(histogram_of(partial, everything).reshape(-1, 1), partial.histogram.first)
        )
        self.ended.absorb(partial.ended)
        self.samples.absorb(partial.samples)
        self.pool_samples.absorb(partial.pool_samples)
        self.link_samples.absorb(partial.link_samples)

    def join(self, other: RunTotals) -> None:
        """Add the totals of other trials, in place; `other` is not changed."""
        self.requests += other.requests
        self.measured += other.measured
        self.histogram.absorb(other.histogram)
        self.ended.absorb(other.ended)
        self.samples.absorb(other.samples)
        self.pool_samples.absorb(other.pool_samples)
        self.link_samples.absorb(other.link_samples)


def summarise(trial: int, partial: Partial, layout: Layout, servers: tuple[ServerFacts, ...]) -> TrialSummary:
    """Return the summary of a whole trial.

    Args:
        trial: its index.
        partial: everything of the trial, merged.
        layout: of the scenario.
        servers: the server groups.
    """
    row = row_of(trial_tree(partial, layout, servers))
    return TrialSummary(trial, partial.requests, row, _littles_law_residual(partial))


def trial_tree(partial: Partial, layout: Layout, servers: tuple[ServerFacts, ...]) -> Tree:
    """Return the numbers of a trial, nested as the result document nests their figures.

    The shape depends on the scenario alone; an empty partial gives it too.
    """
    scopes = scopes_of(layout)
    everything = scopes.everything()
    return {
        **_scope_tree(partial, layout, everything),
        "workloads": [
            _scope_tree(partial, layout, scopes.workload_at(index)) for index in range(layout.workloads)
        ],
        "endpoints": [
            _scope_tree(partial, layout, scopes.endpoint_at(index)) for index in range(layout.endpoints)
        ],
        "servers": [
            server_tree(partial, layout, group, facts)
            | {"latency": latency_tree(partial, scopes.group(group))}
            for group, facts in enumerate(servers)
        ],
        "links": _link_trees(partial, layout),
        "anatomy": anatomy_tree(partial, everything),
    }


def _scope_tree(partial: Partial, layout: Layout, scope: Scope) -> Tree:
    """Return traffic and latency of everything, a workload or an endpoint."""
    return {
        **traffic_tree(counts_by_category(partial, scope), layout),
        "latency": latency_tree(partial, scope),
    }


def _link_trees(partial: Partial, layout: Layout) -> list[Tree]:
    """Return mean and peak of the requests in transit per link, over the sample instants in the window."""
    transit = partial.link_samples.floats(0, layout.ticks).cumsum(axis=0)
    instants = np.arange(layout.ticks) * layout.period_ns
    inside = transit[(instants >= layout.warmup_ns) & (instants < layout.horizon_ns)]
    if inside.shape[0] == 0:
        return [{"in_transit_mean": None, "in_transit_peak": None} for _ in range(layout.links)]
    return [
        {"in_transit_mean": float(column.mean()), "in_transit_peak": float(column.max())}
        for column in inside.T
    ]


def _littles_law_residual(partial: Partial) -> float:
    """Return the largest relative difference between ∫N dt and Σ sojourn over the servers."""
    servers = partial.servers
    differ = servers.low[:, _AREA] != servers.low[:, _SOJOURN]
    if servers.high is not None:
        differ |= servers.high[:, _AREA] != servers.high[:, _SOJOURN]
    worst = 0.0
    for replica in np.flatnonzero(differ).tolist():
        row = servers.row(replica)
        worst = max(worst, abs(row[_AREA] - row[_SOJOURN]) / max(row[_AREA], 1))
    return worst
