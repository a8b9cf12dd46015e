"""Partial statistics of a trial: what one event adds, and how parts merge exactly in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from headroom_analysis.domain.accumulators import CATEGORIES, MOMENTS
from headroom_analysis.domain.exact import Tally
from headroom_analysis.domain.scopes import scopes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_analysis.domain.layout import Layout

SERVER_SUMS = (
    "arrivals",
    "completed",
    "refused",
    "shed",
    "busy_ns",
    "ready_wait_ns",
    "memory_wait_ns",
    "io_ns",
    "in_system_ns",
    "memory_kib_ns_high",
    "memory_kib_ns_low",
    "little_area_ns",
    "little_sojourn_ns",
)
"""Columns of `servers` that add up."""

SERVER_PEAKS = ("peak_ready", "peak_memory_kib", "peak_in_system")
"""Columns of `servers` of which the largest counts."""

POOL_SUMS = ("wait_ns", "held_ns", "acquired")
"""Columns of `pools` that add up."""

STATES = ("ready", "io", "memory_kib", "busy", "in_system")
"""Columns of `samples`: the state of a cell at an instant."""

NO_LATENCY = np.iinfo(np.int64).max
"""The smallest latency of a scope that has none."""


@dataclass(slots=True, eq=False)
class Partial:
    """Exact statistics of a part of a trial.

    Scopes and their numbers are those of `Scopes`.

    Attributes:
        requests: number of rows of `requests`.
        counts: rows by category; row 0 counts those that reached no server, row 1 + scope those of a scope.
        histogram: measured ok latencies, rows are buckets, columns those of the scopes.
        moments: sums and limb products of the latencies, rows are scopes.
        lowest: smallest measured latency in ns per scope, `NO_LATENCY` when there is none.
        highest: largest measured latency in ns per scope, -1 when there is none.
        anatomy: nanoseconds, rows are buckets, columns causes as in `Layout.causes`.
        ended: rows are sample periods, columns are requests that ended ok and otherwise.
        servers: rows are replicas, columns `SERVER_SUMS`.
        server_peaks: shape (replicas, len(SERVER_PEAKS)).
        pools: rows are replica * pool_slots + slot, columns `POOL_SUMS`.
        pool_peaks: largest number waiting, shape (replicas * pool_slots,).
        samples: rows are ticks, columns cell * len(STATES) + state.
        pool_samples: tokens in use, rows are ticks, columns cell * pool_slots + slot.
        link_samples: changes of the requests in transit, rows are ticks, columns links.
    """

    requests: int
    counts: Tally
    histogram: Tally
    moments: Tally
    lowest: NDArray[np.int64]
    highest: NDArray[np.int64]
    anatomy: Tally
    ended: Tally
    servers: Tally
    server_peaks: NDArray[np.int64]
    pools: Tally
    pool_peaks: NDArray[np.int64]
    samples: Tally
    pool_samples: Tally
    link_samples: Tally

    @classmethod
    def empty(cls, layout: Layout, *, whole_trial: bool = False) -> Self:
        """Return a partial of nothing.

        Args:
            layout: sizes.
            whole_trial: hold all ticks at once, so that absorbing the segments one after the other moves no
            memory.
        """
        scopes = scopes_of(layout)
        slots = layout.replicas * layout.pool_slots
        ticks = layout.ticks + 1 if whole_trial else 0
        return cls(
            requests=0,
            counts=Tally.zeros(1 + scopes.count, CATEGORIES),
            histogram=Tally.zeros(0, scopes.columns),
            moments=Tally.zeros(scopes.count, MOMENTS),
            lowest=np.full(scopes.count, NO_LATENCY),
            highest=np.full(scopes.count, -1, np.int64),
            anatomy=Tally.zeros(0, layout.causes),
            ended=Tally.zeros(layout.bins if whole_trial else 0, 2),
            servers=Tally.zeros(layout.replicas, len(SERVER_SUMS)),
            server_peaks=np.zeros((layout.replicas, len(SERVER_PEAKS)), np.int64),
            pools=Tally.zeros(slots, len(POOL_SUMS)),
            pool_peaks=np.zeros(slots, np.int64),
            samples=Tally.zeros(ticks, layout.cells * len(STATES)),
            pool_samples=Tally.zeros(ticks, layout.cells * layout.pool_slots),
            link_samples=Tally.zeros(ticks, layout.links),
        )

    def absorb(self, other: Partial) -> None:
        """Add another part of the same trial to this one, in place; `other` is not changed."""
        self.requests += other.requests
        for mine, theirs in zip(self.tallies(), other.tallies(), strict=True):
            mine.absorb(theirs)
        np.minimum(self.lowest, other.lowest, out=self.lowest)
        np.maximum(self.highest, other.highest, out=self.highest)
        np.maximum(self.server_peaks, other.server_peaks, out=self.server_peaks)
        np.maximum(self.pool_peaks, other.pool_peaks, out=self.pool_peaks)

    def tallies(self) -> tuple[Tally, ...]:
        """Return all parts that add up, in a fixed order."""
        return (
            self.counts,
            self.histogram,
            self.moments,
            self.anatomy,
            self.ended,
            self.servers,
            self.pools,
            self.samples,
            self.pool_samples,
            self.link_samples,
        )

    def extremes(self) -> tuple[NDArray[np.int64], ...]:
        """Return all parts of which the smallest or largest counts, in a fixed order."""
        return self.lowest, self.highest, self.server_peaks, self.pool_peaks

    def same(self, other: Partial) -> bool:
        """Tell whether both say the same, whatever their order of merging."""
        return (
            self.requests == other.requests
            and all(mine.same(theirs) for mine, theirs in zip(self.tallies(), other.tallies(), strict=True))
            and all(
                np.array_equal(mine, theirs)
                for mine, theirs in zip(self.extremes(), other.extremes(), strict=True)
            )
        )


def merge(left: Partial, right: Partial, layout: Layout) -> Partial:
    """Return the statistics of two parts of a trial together; exact, commutative and associative."""
    whole = Partial.empty(layout)
    whole.absorb(left)
    whole.absorb(right)
    return whole
