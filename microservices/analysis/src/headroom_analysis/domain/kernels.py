"""The compiled loops of the fold: every row of `requests` once, into integer accumulators.

All sums are int64 and do not depend on the order of the rows. Arguments are checked in `fold`; nothing is
raised here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.domain.sketch import bucket_of
from headroom_common.simcore.jit import inlined, kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIMB_BITS = 20
"""A latency is cut into limbs of so many bits, so that 2^23 squares add up exactly in 64 bits."""

LIMB_MASK = (1 << LIMB_BITS) - 1

MOMENTS = 7
"""Columns of the moments: the sum, then the sums of the limb products 00, 01, 11, 02, 12, 22."""

IN_TRIAL_WINDOW = 1
"""Flag of a row: it arrived in the measured window (t0 ≥ warm-up)."""

ENDED_IN_WINDOW = 2
"""Flag of a row: it ended in the measured window [warm-up, horizon)."""

FLAGS = 4
"""Number of combinations of the flags."""

OUTCOMES = 5
"""Number of outcomes, `ok` being 0."""

CATEGORIES = OUTCOMES * FLAGS
"""A row is counted under ``outcome * FLAGS + flags``."""


class Rows(NamedTuple):
    """Columns of `requests`, all of the same length; dtypes as in the contract."""

    workload: NDArray[np.int16]
    endpoint: NDArray[np.int16]
    server: NDArray[np.int32]
    target: NDArray[np.int32]
    t0: NDArray[np.int64]
    latency: NDArray[np.int64]
    outcome: NDArray[np.int8]
    memory_wait: NDArray[np.int64]
    cpu_wait: NDArray[np.int64]
    cpu_run: NDArray[np.int64]
    io_wait: NDArray[np.int64]


class Plan(NamedTuple):
    """How rows map to accumulators; see `layout.Layout` for the terms.

    `workload_scope` and `endpoint_scope` are the first scope of their kind, or -1 when there is just one
    member, whose figures then follow from the groups'; `workload_column` and `endpoint_column` are their
    first columns of the histogram, or -1 without. `group_step` is 1 when the groups are told apart in
    histogram and causes, else 0.
    """

    group_of_replica: NDArray[np.int64]
    groups: int
    workloads: int
    endpoints: int
    targets: int
    workload_scope: int
    workload_column: int
    endpoint_scope: int
    endpoint_column: int
    group_step: int
    first_bucket: int
    causes: int
    causes_before_groups: int
    causes_per_group: int
    warmup_ns: int
    horizon_ns: int
    period_ns: int
    first_bin: int


class Sums(NamedTuple):
    """The accumulators, zero before the first row.

    `counts` has the rows of the scopes after one for "no server reached": shape (1 + scopes, CATEGORIES).
    `histogram` is (buckets, columns), `moments` (scopes, MOMENTS), `lowest` and `highest` (scopes,),
    `anatomy` (buckets * causes,), `ended` (bins, 2) with the columns ok and not ok.
    """

    counts: NDArray[np.int64]
    histogram: NDArray[np.int64]
    moments: NDArray[np.int64]
    lowest: NDArray[np.int64]
    highest: NDArray[np.int64]
    anatomy: NDArray[np.int64]
    ended: NDArray[np.int64]


class Places(NamedTuple):
    """Where each row's further causes belong: offsets into `anatomy` (-1: not measured), and its path."""

    bucket: NDArray[np.int64]
    group: NDArray[np.int64]
    path: NDArray[np.int64]


LONGEST = 1 << 60
"""The longest latency in ns that is taken (36 years), so that no sum of a time and a latency overflows."""


@kernel
def scan(rows: Rows, plan: Plan, extent: NDArray[np.int64]) -> int:
    """Find the ranges that the accumulators must cover.

    Args:
        rows: the columns.
        plan: only the sizes and the window are used.
        extent: receives the smallest and largest latency of the measured ok rows and the smallest and largest
            end time of all rows; must hold the neutral values before.

    Returns:
        The first row with an index or a time out of range, or -1.
    """
    replicas = plan.group_of_replica.size
    low, high, start, stop = extent[0], extent[1], extent[2], extent[3]
    for i in range(rows.t0.size):
        latency = rows.latency[i]
        t0 = rows.t0[i]
        outcome = int(rows.outcome[i])
        if (
            t0 < 0
            or t0 >= plan.horizon_ns
            or latency < 0
            or latency > LONGEST
            or outcome < 0
            or outcome >= OUTCOMES
            or rows.workload[i] < 0
            or rows.workload[i] >= plan.workloads
            or rows.endpoint[i] < 0
            or rows.endpoint[i] >= plan.endpoints
            or rows.server[i] >= replicas
            or rows.server[i] < -1
            or rows.target[i] >= plan.targets
            or rows.target[i] < -1
            or (outcome == 0 and rows.server[i] < 0)
        ):
            return i
        end = t0 + latency
        start = min(start, end)
        stop = max(stop, end)
        if outcome == 0 and t0 >= plan.warmup_ns:
            low = min(low, latency)
            high = max(high, latency)
    extent[0], extent[1], extent[2], extent[3] = low, high, start, stop
    return -1


@kernel
def fold_rows(rows: Rows, plan: Plan, sums: Sums, places: Places) -> None:  # noqa: C901 - one hot loop
    """Count every row and sum the measured ones.

    Args:
        rows: checked columns.
        plan: the maps.
        sums: receives the sums.
        places: receives each row's place for `fold_link` and `fold_pool`.
    """
    bin_start = -1
    bin_stop = -1
    at_bin = 0
    for i in range(rows.t0.size):
        t0 = rows.t0[i]
        latency = rows.latency[i]
        end = t0 + latency
        outcome = int(rows.outcome[i])
        server = int(rows.server[i])
        group = plan.group_of_replica[server] if server >= 0 else -1
        category = _category(outcome, t0, end, plan.warmup_ns, plan.horizon_ns)
        sums.counts[1 + group, category] += 1
        if plan.workload_scope >= 0:
            sums.counts[1 + plan.workload_scope + int(rows.workload[i]), category] += 1
        if plan.endpoint_scope >= 0:
            sums.counts[1 + plan.endpoint_scope + int(rows.endpoint[i]), category] += 1
        if end < plan.horizon_ns:
            if end < bin_start or end >= bin_stop:  # neighbours share a bin, and the division is dear
                index = end // plan.period_ns
                bin_start = index * plan.period_ns
                bin_stop = bin_start + plan.period_ns
                at_bin = index - plan.first_bin
            sums.ended[at_bin, 0 if outcome == 0 else 1] += 1
        places.bucket[i] = -1
        if t0 < plan.warmup_ns or outcome != 0:
            continue
        bucket = bucket_of(latency) - plan.first_bucket
        shown = group * plan.group_step
        sums.histogram[bucket, shown] += 1
        _add(sums, group, latency)
        if plan.workload_scope >= 0:
            _add(sums, plan.workload_scope + int(rows.workload[i]), latency)
            if plan.workload_column >= 0:
                sums.histogram[bucket, plan.workload_column + int(rows.workload[i])] += 1
        if plan.endpoint_scope >= 0:
            _add(sums, plan.endpoint_scope + int(rows.endpoint[i]), latency)
            if plan.endpoint_column >= 0:
                sums.histogram[bucket, plan.endpoint_column + int(rows.endpoint[i])] += 1
        at = bucket * plan.causes + plan.causes_before_groups + shown * plan.causes_per_group
        sums.anatomy[at] += rows.memory_wait[i]
        sums.anatomy[at + 1] += rows.cpu_wait[i]
        sums.anatomy[at + 2] += rows.cpu_run[i]
        sums.anatomy[at + 3] += rows.io_wait[i]
        places.bucket[i] = bucket * plan.causes
        places.group[i] = at
        places.path[i] = int(rows.workload[i]) * (plan.targets + 1) + int(rows.target[i]) + 1


@inlined
def _category(outcome: int, t0: int, end: int, warmup: int, horizon: int) -> int:
    """Return under what a row is counted."""
    category = outcome * FLAGS
    if t0 >= warmup:
        category += IN_TRIAL_WINDOW
    if warmup <= end < horizon:
        category += ENDED_IN_WINDOW
    return category


@kernel
def _add(sums: Sums, scope: int, latency: int) -> None:
    """Add one measured latency to a scope."""
    limb0 = latency & LIMB_MASK
    limb1 = (latency >> LIMB_BITS) & LIMB_MASK
    limb2 = latency >> (2 * LIMB_BITS)
    sums.moments[scope, 0] += latency
    sums.moments[scope, 1] += limb0 * limb0
    sums.moments[scope, 2] += limb0 * limb1
    sums.moments[scope, 3] += limb1 * limb1
    if limb2 != 0:
        sums.moments[scope, 4] += limb0 * limb2
        sums.moments[scope, 5] += limb1 * limb2
        sums.moments[scope, 6] += limb2 * limb2
    sums.lowest[scope] = min(sums.lowest[scope], latency)
    sums.highest[scope] = max(sums.highest[scope], latency)


@kernel
def fold_link(
    values: NDArray[np.int64],
    places: Places,
    link_of_path: NDArray[np.int64],
    anatomy: NDArray[np.int64],
) -> None:
    """Add one hop's times to the links that the measured rows crossed in it."""
    for i in range(values.size):
        base = places.bucket[i]
        if base >= 0:
            link = link_of_path[places.path[i]]
            if link >= 0:
                anatomy[base + link] += values[i]


@kernel
def fold_pool(values: NDArray[np.int64], places: Places, offset: int, anatomy: NDArray[np.int64]) -> None:
    """Add one pool slot's waits to the groups that served the measured rows."""
    for i in range(values.size):
        if places.bucket[i] >= 0:
            anatomy[places.group[i] + offset] += values[i]
