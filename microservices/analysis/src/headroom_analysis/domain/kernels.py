"""The compiled loops of the fold: the rows of `requests` into integer accumulators.

All sums are int64 and do not depend on the order of the rows. Arguments are checked in `fold`; nothing is
raised here.

The rows are folded in blocks, each in several short loops over what the loop before left in the cache. One
loop over everything takes twice as long: so many places are read, added to and written per row that the
processor loses track of which writes a later read depends on. For the same reason the loops do not branch on
whether a row is measured or a hop has a link; what does not count is added to a bucket of its own, behind the
others, which is thrown away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from headroom_analysis.domain.accumulators import (
    CATEGORIES,
    ENDED_IN_WINDOW,
    FLAGS,
    IN_TRIAL_WINDOW,
    LIMB_BITS,
    LIMB_MASK,
    LONGEST,
    MOMENTS,
    OUTCOMES,
    Block,
    Causes,
    Plan,
    Rows,
    Sums,
)
from headroom_analysis.domain.sketch import bucket_of
from headroom_common.simcore.jit import INT, INTS, array, fields, inlined, kernel, u64
from headroom_common.simcore.world import row_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 2048
"""Rows per block: they fit into the second-level cache, and columns are fetched ahead in long stretches."""


_TABLE: Final = array(np.int64, 2)
_BYTES, _SHORTS, _WORDS, _LONGS = (
    array(item, read_only=True) for item in (np.int8, np.int16, np.int32, np.int64)
)
_ROWS: Final = fields(Rows, _SHORTS, _SHORTS, _WORDS, _WORDS, _LONGS, _LONGS, _BYTES, *[_LONGS] * 4)
_PLAN: Final = fields(Plan, INTS, *[INT] * (len(Plan._fields) - 1))
_SUMS: Final = fields(Sums, _TABLE, _TABLE, _TABLE, INTS, INTS, _TABLE, _TABLE)
_CAUSES: Final = fields(Causes, INT, _TABLE, INT)


@kernel(_ROWS, _PLAN, INTS)
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
    sound = (
        _all_between(rows.workload, 0, plan.workloads - 1)
        and _all_between(rows.endpoint, 0, plan.endpoints - 1)
        and _all_between(rows.target, -1, plan.targets - 1)
        and _all_between(rows.server, -1, plan.row_of_server.size - 2)
        and _all_between(rows.outcome, 0, OUTCOMES - 1)
        and _all_between(rows.latency, 0, LONGEST)
        and _all_between(rows.t0, 0, plan.horizon_ns - 1)
        and _answers_have_servers(rows)
    )
    if not sound:
        return _first_unsound(rows, plan)
    low, high, start, stop = extent[0], extent[1], extent[2], extent[3]
    for i in range(rows.t0.size):
        latency = rows.latency[i]
        t0 = rows.t0[i]
        measured = (rows.outcome[i] == 0) & (t0 >= plan.warmup_ns)
        start = min(start, t0 + latency)
        stop = max(stop, t0 + latency)
        low = min(low, latency if measured else low)
        high = max(high, latency if measured else high)
    extent[0], extent[1], extent[2], extent[3] = low, high, start, stop
    return -1


@inlined
def _all_between(values: NDArray[Any], low: int, high: int) -> bool:
    """Tell whether no value is out of range; without a branch in its loop, which is so vectorised."""
    if values.size == 0:
        return True
    smallest = values[0]
    largest = values[0]
    for i in range(values.size):
        smallest = min(smallest, values[i])
        largest = max(largest, values[i])
    return bool(low <= smallest and largest <= high)


@inlined
def _answers_have_servers(rows: Rows) -> bool:
    """Tell whether every ok row has reached a server."""
    lost = False
    for i in range(rows.outcome.size):
        lost |= (rows.outcome[i] == 0) & (rows.server[i] < 0)
    return not lost


@inlined
def _first_unsound(rows: Rows, plan: Plan) -> int:
    """Return the first row that breaks the contract; there is one."""
    for i in range(rows.t0.size):
        if not (
            0 <= rows.t0[i] < plan.horizon_ns
            and 0 <= rows.latency[i] <= LONGEST
            and 0 <= rows.outcome[i] < OUTCOMES
            and 0 <= rows.workload[i] < plan.workloads
            and 0 <= rows.endpoint[i] < plan.endpoints
            and -1 <= rows.server[i] < plan.row_of_server.size - 1
            and -1 <= rows.target[i] < plan.targets
            and (rows.outcome[i] != 0 or rows.server[i] >= 0)
        ):
            return i
    return -1


@kernel(_ROWS, _PLAN, _SUMS, _CAUSES)
def fold_rows(rows: Rows, plan: Plan, sums: Sums, causes: Causes) -> None:
    """Count every row and sum the measured ones.

    Args:
        rows: checked columns.
        plan: the maps.
        sums: receives the sums.
        causes: further columns.
    """
    block = Block(
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
    )
    hops = causes.links.shape[0]
    for start in range(0, rows.t0.size, BLOCK):
        size = min(BLOCK, rows.t0.size - start)
        _count(rows, start, size, plan, block, sums.counts)
        _end(rows, start, size, plan, sums.ended)
        _place(size, plan, block, sums)
        if plan.groups == 1:
            _add_to_one(size, block, sums)
        else:
            _add_to_many(size, 0, block.group, block, sums)
        if plan.workload_scope >= 0:
            _fold_members(rows.workload, start, size, plan.workload_scope, plan.workload_column, block, sums)
        if plan.endpoint_scope >= 0:
            _fold_members(rows.endpoint, start, size, plan.endpoint_scope, plan.endpoint_column, block, sums)
        _spend_own(rows, start, size, block, sums.anatomy)
        for pool in range(causes.pools):
            values = row_of(causes.columns, hops + pool, 0)
            _spend(values, start, size, 4 + pool, block, sums.anatomy)
        if hops > 0:
            for j in range(size):
                i = u64(start + j)
                block.path[j] = int(rows.workload[i]) * (plan.targets + 1) + int(rows.target[i]) + 1
        for hop in range(hops):
            values = row_of(causes.columns, hop, 0)
            _cross(values, start, size, causes.links[hop], block, sums.anatomy)


@inlined
def _count(rows: Rows, start: int, size: int, plan: Plan, block: Block, counts: NDArray[np.int64]) -> None:
    """Count rows by group and category, and note which are measured."""
    flat = counts.reshape(-1)
    for j in range(size):
        i = u64(start + j)
        t0 = rows.t0[i]
        latency = rows.latency[i]
        outcome = int(rows.outcome[i])
        row = plan.row_of_server[u64(int(rows.server[i]) + 1)]
        category = _category(outcome, t0, t0 + latency, plan.warmup_ns, plan.horizon_ns)
        flat[u64(row * CATEGORIES + category)] += 1
        measured = (outcome == 0) & (t0 >= plan.warmup_ns)
        block.category[j] = category
        block.latency[j] = latency if measured else -1
        block.group[j] = row - 1 if measured else 0


@inlined
def _category(outcome: int, t0: int, end: int, warmup: int, horizon: int) -> int:
    """Return under what a row is counted."""
    category = outcome * FLAGS
    if t0 >= warmup:
        category += IN_TRIAL_WINDOW
    if warmup <= end < horizon:
        category += ENDED_IN_WINDOW
    return category


@inlined
def _end(rows: Rows, start: int, size: int, plan: Plan, ended: NDArray[np.int64]) -> None:
    """Count the rows that ended before the horizon by time."""
    flat = ended.reshape(-1)
    bin_start = -1
    bin_stop = -1
    at_bin = 0
    for j in range(size):
        i = u64(start + j)
        end = rows.t0[i] + rows.latency[i]
        if end < plan.horizon_ns:
            if end < bin_start or end >= bin_stop:  # neighbours share a bin, and the division is dear
                index = end // plan.period_ns
                bin_start = index * plan.period_ns
                bin_stop = bin_start + plan.period_ns
                at_bin = (index - plan.first_bin) * 2
            flat[u64(at_bin + int(rows.outcome[i] != 0))] += 1


@inlined
def _place(size: int, plan: Plan, block: Block, sums: Sums) -> None:
    """Find the rows' buckets and places among the causes, and count them in the histogram."""
    flat = sums.histogram.reshape(-1)
    buckets = sums.histogram.shape[0] - 1
    columns = sums.histogram.shape[1]
    width = sums.anatomy.shape[1]
    for j in range(size):
        latency = block.latency[j]
        bucket = bucket_of(latency) - plan.first_bucket if latency >= 0 else buckets
        shown = block.group[j] * plan.group_step
        flat[u64(bucket * columns + shown)] += 1
        block.bucket[j] = bucket
        block.place[j] = bucket * width
        block.own[j] = bucket * width + plan.causes_before_groups + shown * plan.causes_per_group


@inlined
def _add_to_one(size: int, block: Block, sums: Sums) -> None:
    """Add the measured latencies to the only group, summed up in registers."""
    total, square00, square01, square11, square02, square12, square22 = 0, 0, 0, 0, 0, 0, 0
    lowest = sums.lowest[0]
    highest = sums.highest[0]
    for j in range(size):
        latency = max(block.latency[j], 0)
        limb0 = latency & LIMB_MASK
        limb1 = (latency >> LIMB_BITS) & LIMB_MASK
        limb2 = latency >> (2 * LIMB_BITS)
        total += latency
        square00 += limb0 * limb0
        square01 += limb0 * limb1
        square11 += limb1 * limb1
        square02 += limb0 * limb2
        square12 += limb1 * limb2
        square22 += limb2 * limb2
        lowest = min(lowest, block.latency[j] if block.latency[j] >= 0 else lowest)
        highest = max(highest, block.latency[j])
    sums.lowest[0] = lowest
    sums.highest[0] = highest
    moments = sums.moments[0]
    moments[0] += total
    moments[1] += square00
    moments[2] += square01
    moments[3] += square11
    moments[4] += square02
    moments[5] += square12
    moments[6] += square22


@inlined
def _add_to_many(size: int, scope: int, members: NDArray[np.int64], block: Block, sums: Sums) -> None:
    """Add the measured latencies to the scopes of the rows' members, the first being `scope`."""
    moments = sums.moments.reshape(-1)
    for j in range(size):
        at_scope = u64(scope + members[j])
        at = at_scope * u64(MOMENTS)
        latency = max(block.latency[j], 0)
        limb0 = latency & LIMB_MASK
        limb1 = (latency >> LIMB_BITS) & LIMB_MASK
        limb2 = latency >> (2 * LIMB_BITS)
        moments[at] += latency
        moments[at + u64(1)] += limb0 * limb0
        moments[at + u64(2)] += limb0 * limb1
        moments[at + u64(3)] += limb1 * limb1
        if limb2 != 0:
            moments[at + u64(4)] += limb0 * limb2
            moments[at + u64(5)] += limb1 * limb2
            moments[at + u64(6)] += limb2 * limb2
        if (block.latency[j] >= 0) & (latency < sums.lowest[at_scope]):
            sums.lowest[at_scope] = latency
        if block.latency[j] > sums.highest[at_scope]:
            sums.highest[at_scope] = latency


@inlined
def _fold_members(
    members: NDArray[np.int16], start: int, size: int, scope: int, column: int, block: Block, sums: Sums
) -> None:
    """Count and add rows to the scopes of their workload or endpoint, the first being `scope`."""
    for j in range(size):
        member = int(members[u64(start + j)])
        block.member[j] = member
        sums.counts[u64(1 + scope + member), u64(block.category[j])] += 1
    if column >= 0:
        for j in range(size):
            sums.histogram[u64(block.bucket[j]), u64(column + block.member[j])] += 1
    _add_to_many(size, scope, block.member, block, sums)


@inlined
def _spend_own(rows: Rows, start: int, size: int, block: Block, anatomy: NDArray[np.int64]) -> None:
    """Add the causes that every server has, in the order of `SERVER_CAUSES`.

    Columns that are zero throughout the block are common and left out. Looking at all of them in one loop
    also fetches them: a processor fetches four streams ahead sooner than one after the other.
    """
    bits0, bits1, bits2, bits3 = 0, 0, 0, 0
    for j in range(size):
        i = u64(start + j)
        bits0 |= rows.memory_wait[i]
        bits1 |= rows.cpu_wait[i]
        bits2 |= rows.cpu_run[i]
        bits3 |= rows.io_wait[i]
    if bits0 != 0:
        _spend(rows.memory_wait, start, size, 0, block, anatomy)
    if bits1 != 0:
        _spend(rows.cpu_wait, start, size, 1, block, anatomy)
    if bits2 != 0:
        _spend(rows.cpu_run, start, size, 2, block, anatomy)
    if bits3 != 0:
        _spend(rows.io_wait, start, size, 3, block, anatomy)


@inlined
def _spend(
    values: NDArray[np.int64], start: int, size: int, cause: int, block: Block, anatomy: NDArray[np.int64]
) -> None:
    """Add a column to a cause of the rows' groups."""
    flat = anatomy.reshape(-1)
    for j in range(size):
        flat[u64(block.own[j] + cause)] += values[u64(start + j)]


@inlined
def _cross(
    values: NDArray[np.int64],
    start: int,
    size: int,
    link_of_path: NDArray[np.int64],
    block: Block,
    anatomy: NDArray[np.int64],
) -> None:
    """Add a hop's column to the links that the rows crossed in it, unless it is zero throughout."""
    bits = 0
    for j in range(size):
        bits |= values[u64(start + j)]
    if bits == 0:
        return
    flat = anatomy.reshape(-1)
    nowhere = flat.size - 1
    for j in range(size):
        link = link_of_path[u64(block.path[j])]
        at = block.place[j] + link if link >= 0 else nowhere
        flat[u64(at)] += values[u64(start + j)]
