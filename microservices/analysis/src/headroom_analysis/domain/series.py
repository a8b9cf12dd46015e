"""The series of the result document: means over trials, thinned to what a reader can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_analysis.domain.latency import NANOSECONDS
from headroom_analysis.domain.partials import STATES
from headroom_analysis.domain.servers import KIB, cells_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_analysis.domain.facts import RunFacts
    from headroom_analysis.domain.layout import Layout
    from headroom_analysis.domain.trial import RunTotals

MOST_INSTANTS = 600
"""At most so many instants per series."""

MOST_POINTS = 64 * MOST_INSTANTS
"""At most so many points of one state over all cells, or links."""

FEWEST_INSTANTS = 50
"""Instants are not thinned below this number, however many cells there are."""

DIGITS = 9
"""Decimals that a series keeps."""

_BYTES = {"memory_kib": ("memory", KIB)}


def stride_of(layout: Layout) -> int:
    """Return how many sample periods one step of the thinned series spans."""
    wide = max(layout.cells, layout.links, 1)
    most = min(MOST_INSTANTS, max(FEWEST_INSTANTS, MOST_POINTS // wide))
    return -(-layout.bins // most)


def series_document(totals: RunTotals, layout: Layout, facts: RunFacts) -> dict[str, Any]:
    """Return the series: rates of the span that starts at each instant, states exactly at it."""
    stride = stride_of(layout)
    instants = -(-layout.bins // stride)
    step = stride * layout.period_ns
    starts = np.arange(instants) * step
    spans = np.minimum(starts + step, layout.horizon_ns) - starts
    ended = totals.ended.floats(0, instants * stride).reshape(instants, stride, 2).sum(axis=1)
    rates = ended / (spans[:, None] / NANOSECONDS * facts.trials)
    ticks = np.arange(instants) * stride
    transit = totals.link_samples.floats(0, layout.ticks).cumsum(axis=0)[ticks] / facts.trials
    return {
        "period": step / NANOSECONDS,
        "times": (starts / NANOSECONDS).tolist(),
        "throughput": _points(rates[:, 0]),
        "errors": _points(rates[:, 1]),
        "servers": _cells(totals, layout, facts, ticks),
        "links": [
            {"name": name, "in_transit": _points(column)}
            for name, column in zip(facts.links, transit.T, strict=True)
        ],
    }


def _cells(
    totals: RunTotals, layout: Layout, facts: RunFacts, ticks: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Return the states of each cell: a replica with its index, or a group with None."""
    states = totals.samples.floats(0, layout.ticks)[ticks] / facts.trials
    tokens = totals.pool_samples.floats(0, layout.ticks)[ticks] / facts.trials
    entries = []
    for group, server in enumerate(facts.servers):
        cells = cells_of(layout, group)
        for index, cell in enumerate(cells):
            entry: dict[str, Any] = {
                "name": server.name,
                "replica": index if layout.cells == layout.replicas else None,
            }
            for at, state in enumerate(STATES):
                name, unit = _BYTES.get(state, (state, 1))
                entry[name] = _points(states[:, cell * len(STATES) + at] * unit)
            first = cell * layout.pool_slots
            entry["pools"] = {
                pool.name: _points(tokens[:, first + slot]) for slot, pool in enumerate(server.pools)
            }
            entries.append(entry)
    return entries


def _points(values: NDArray[np.float64]) -> list[float]:
    points: list[float] = np.round(values, DIGITS).tolist()
    return points
