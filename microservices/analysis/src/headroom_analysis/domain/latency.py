"""Counts and latency statistics of one scope of one trial, from its exact sums."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headroom_analysis.domain.accumulators import ENDED_IN_WINDOW, FLAGS, IN_TRIAL_WINDOW, LIMB_BITS, MOMENTS
from headroom_analysis.domain.sketch import quantile
from headroom_common.simcore.tables import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from headroom_analysis.domain.layout import Layout
    from headroom_analysis.domain.partials import Partial
    from headroom_analysis.domain.scopes import Scope
    from headroom_analysis.domain.trees import Tree

NANOSECONDS = 10**9

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
"""The quantiles of the result document."""


def seconds(nanoseconds: int, count: int = 1) -> float:
    """Return ``nanoseconds / count`` in seconds, correctly rounded."""
    return nanoseconds / (count * NANOSECONDS)


def counts_by_category(partial: Partial, scope: Scope) -> list[int]:
    """Return a scope's rows per category (``outcome * FLAGS + flags``)."""
    rows = [partial.counts.row(1 + member) for member in scope.members]
    if scope.whole:
        rows.append(partial.counts.row(0))
    return [sum(column) for column in zip(*rows, strict=True)]


def histogram_of(partial: Partial, scope: Scope) -> NDArray[np.int64]:
    """Return a scope's latency counts per held bucket, shape (buckets,); zeros without a histogram."""
    column: NDArray[np.int64] = partial.histogram.low[:, list(scope.columns or ())].sum(axis=1)
    return column


def traffic_tree(categories: Sequence[int], layout: Layout) -> Tree:
    """Return outcomes, error ratio and rates of one scope.

    Outcomes and the arrival rate are of the requests that arrived in the window, throughput of those that
    ended in it.
    """
    window = layout.window_ns / NANOSECONDS
    outcomes = dict.fromkeys(OUTCOMES, 0)
    answered = 0
    for category, count in enumerate(categories):
        outcome, flags = divmod(category, FLAGS)
        if flags & IN_TRIAL_WINDOW:
            outcomes[OUTCOMES[outcome]] += count
        if flags & ENDED_IN_WINDOW and outcome == 0:
            answered += count
    arrived = sum(outcomes.values())
    return {
        "outcomes": outcomes,
        "error_ratio": (arrived - outcomes["ok"]) / arrived if arrived else None,
        "throughput": answered / window,
        "arrival_rate": arrived / window,
    }


def latency_tree(partial: Partial, scope: Scope) -> Tree:
    """Return mean, sd, extremes and quantiles in seconds of the ok requests of a scope.

    All is None when there was none; the standard deviation (with n - 1) needs two, quantiles a histogram.
    """
    ok = counts_by_category(partial, scope)[:FLAGS]
    count = ok[IN_TRIAL_WINDOW] + ok[IN_TRIAL_WINDOW | ENDED_IN_WINDOW]
    if count == 0:
        return dict.fromkeys(("mean", "sd", "min", "max", *QUANTILES))
    rows = [partial.moments.row(member) for member in scope.members]
    moments = [sum(row[column] for row in rows) for column in range(MOMENTS)]
    low = min(int(partial.lowest[member]) for member in scope.members)
    high = max(int(partial.highest[member]) for member in scope.members)
    tree: Tree = {
        "mean": seconds(moments[0], count),
        "sd": _deviation(moments, count),
        "min": seconds(low),
        "max": seconds(high),
    }
    counts = histogram_of(partial, scope)
    for name, share in QUANTILES.items():
        value = quantile(counts, partial.histogram.first, share, low, high)
        tree[name] = None if value is None else value / NANOSECONDS
    return tree


def sum_of_squares(moments: Sequence[int]) -> int:
    """Return Σ latency² in ns² from the sums of limb products, exactly.

    With limbs l of b bits, ``x² = l0² + 2 l0 l1 2^b + (l1² + 2 l0 l2) 2^2b + 2 l1 l2 2^3b + l2² 2^4b``.
    """
    _, q00, q01, q11, q02, q12, q22 = moments
    return (
        q00
        + (q01 << (LIMB_BITS + 1))
        + ((q11 + 2 * q02) << (2 * LIMB_BITS))
        + (q12 << (3 * LIMB_BITS + 1))
        + (q22 << (4 * LIMB_BITS))
    )


def _deviation(moments: Sequence[int], count: int) -> float | None:
    """Return the sample standard deviation in seconds; the difference of squares is taken in integers."""
    if count == 1:
        return None
    spread = count * sum_of_squares(moments) - moments[0] ** 2
    return math.sqrt(spread / (count * (count - 1))) / NANOSECONDS
