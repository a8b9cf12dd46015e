"""What the kernels of the fold read and write: columns, maps and integer accumulators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

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

    `row_of_server` is the row of `counts` of each replica's group, after that of server -1.
    `workload_scope` and `endpoint_scope` are the first scope of their kind, or -1 when there is just one
    member, whose figures then follow from the groups'; `workload_column` and `endpoint_column` are their
    first columns of the histogram, or -1 without. `group_step` is 1 when the groups are told apart in
    histogram and causes, else 0.
    """

    row_of_server: NDArray[np.int64]
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
    causes_before_groups: int
    causes_per_group: int
    warmup_ns: int
    horizon_ns: int
    period_ns: int
    first_bin: int


class Sums(NamedTuple):
    """The accumulators, zero before the first row.

    `counts` has the rows of the scopes after one for "no server reached": shape (1 + scopes, CATEGORIES).
    `histogram` is (buckets + 1, columns), `moments` (scopes, MOMENTS), `lowest` and `highest` (scopes,),
    `anatomy` (buckets + 1, causes), `ended` (bins, 2) with the columns ok and not ok. The last bucket takes
    what does not count.
    """

    counts: NDArray[np.int64]
    histogram: NDArray[np.int64]
    moments: NDArray[np.int64]
    lowest: NDArray[np.int64]
    highest: NDArray[np.int64]
    anatomy: NDArray[np.int64]
    ended: NDArray[np.int64]


class Causes(NamedTuple):
    """The further columns of causes: those of crossing hops, then those of pools, in a `Directory`.

    `links` is the cause of each hop on each path, -1 without a link, shape (hops, paths).
    """

    columns: Any
    links: NDArray[np.int64]
    pools: int


class Block(NamedTuple):
    """What the loops over a block of rows hand on, one entry per row.

    `latency` is -1 for a row that is not measured. `place` is the offset of the row's bucket in `anatomy`,
    `own` that of the first cause of its group there. `member` is the row's workload or endpoint, in turn.
    """

    latency: NDArray[np.int64]
    category: NDArray[np.int64]
    group: NDArray[np.int64]
    bucket: NDArray[np.int64]
    place: NDArray[np.int64]
    own: NDArray[np.int64]
    path: NDArray[np.int64]
    member: NDArray[np.int64]


MOST_SUM = 1 << 62
"""No sum is started whose absolute value could be larger."""

LONGEST = 1 << 60
"""The longest latency in ns that is taken (36 years), so that no sum of a time and a latency overflows."""
