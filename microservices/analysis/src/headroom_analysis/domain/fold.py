"""The tables of one `requests.completed` event, folded into a `Partial`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from headroom_analysis.domain.accumulators import CATEGORIES, MOMENTS, MOST_SUM, Causes, Rows, Sums
from headroom_analysis.domain.columns import Directory, Table, TableError, checked, present, readable
from headroom_analysis.domain.exact import Tally
from headroom_analysis.domain.frame import Frame, frame_of
from headroom_analysis.domain.kernels import fold_rows, scan
from headroom_analysis.domain.partials import (
    NO_LATENCY,
    POOL_SUMS,
    SERVER_PEAKS,
    SERVER_SUMS,
    STATES,
    Partial,
)
from headroom_analysis.domain.samples import add_samples, extremes
from headroom_analysis.domain.sketch import bucket_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from headroom_analysis.domain.layout import Layout

_MOST_ROWS = 1 << 23  # see LIMB_BITS

_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "workload": np.dtype(np.int16),
    "endpoint": np.dtype(np.int16),
    "server": np.dtype(np.int32),
    "target": np.dtype(np.int32),
    "outcome": np.dtype(np.int8),
}
_COLUMNS: Final = tuple((field, _DTYPES.get(field, np.dtype(np.int64))) for field in Rows._fields)


def fold(tables: Mapping[str, Table], layout: Layout) -> Partial:
    """Fold the tables of one completed event.

    Args:
        tables: `requests` and, where the event has them, `servers`, `pools`, `samples`, `pool_samples` and
            `link_samples`; a table that is missing adds nothing.
        layout: of the scenario.

    Raises:
        TableError: a column is missing, of another type or length, or holds an index out of range; or the
            causes of the ok requests do not add up to their latencies.
    """
    requests = present(tables, "requests")
    if requests is None:
        message = "requests: expected a table of completed requests, found none"
        raise TableError(message)
    partial = _fold_requests(requests, frame_of(layout))
    _fold_servers(partial, tables, layout)
    _fold_samples(partial, tables, layout)
    return partial


def _fold_requests(table: Table, frame: Frame) -> Partial:
    """Fold the rows, in as few pieces as keep every 64-bit sum exact."""
    length = checked(table, "requests", "t0", None).size
    rows = Rows._make(readable(table, "requests", name, length, dtype) for name, dtype in _COLUMNS)
    more = {name: checked(table, "requests", name, length) for name in (*frame.hops, *frame.pools)}
    further = [more[name] for name in (*frame.crossing, *frame.pools)]
    extent = np.array([NO_LATENCY, -1, NO_LATENCY, -1], np.int64)
    bad = scan(rows, frame.plan, extent)
    if bad >= 0:
        found = ", ".join(f"{field} {int(getattr(rows, field)[bad])}" for field in Rows._fields)
        message = f"requests row {bad}: expected indexes and times in range, found {found}"
        raise TableError(message)
    reach = extent.tolist()
    piece = min(_MOST_ROWS, MOST_SUM // max(reach[1], 1))
    if length <= piece:
        return _fold_piece(rows, further, frame, reach)
    partial = Partial.empty(frame.layout)
    for start in range(0, length, piece):
        part = slice(start, start + piece)
        cut = Rows._make(column[part] for column in rows)
        partial.absorb(_fold_piece(cut, [column[part] for column in further], frame, reach))
    return partial


def _fold_piece(
    rows: Rows, further: Sequence[NDArray[np.int64]], frame: Frame, extent: Sequence[int]
) -> Partial:
    """Fold rows whose sums fit, into accumulators that cover just the used buckets and sample periods.

    Raises:
        TableError: the causes of the ok rows do not add up to their latencies.
    """
    low, high, start, stop = extent
    layout, scopes = frame.layout, frame.scopes
    first_bucket = int(bucket_of(low)) if high >= 0 else 0
    buckets = int(bucket_of(high)) - first_bucket + 1 if high >= 0 else 0
    first_bin = min(start // layout.period_ns, layout.bins)
    bins = min(stop // layout.period_ns + 1, layout.bins) - first_bin
    sums = Sums(
        counts=np.zeros((1 + scopes.count, CATEGORIES), np.int64),
        histogram=np.zeros((buckets + 1, scopes.columns), np.int64),
        moments=np.zeros((scopes.count, MOMENTS), np.int64),
        lowest=np.full(scopes.count, NO_LATENCY),
        highest=np.full(scopes.count, -1, np.int64),
        anatomy=np.zeros((buckets + 1, frame.causes), np.int64),
        ended=np.zeros((max(bins, 0), 2), np.int64),
    )
    directory = Directory(further)
    plan = frame.plan._replace(first_bucket=first_bucket, first_bin=first_bin)
    fold_rows(rows, plan, sums, Causes(directory.handle, frame.links, layout.pool_slots))
    anatomy = sums.anatomy[:buckets]
    latency = sum(sums.moments[: layout.groups, 0].tolist())
    if (accounted := int(anatomy.sum())) != latency:
        message = (
            f"requests: expected causes that add up to the latencies, {latency} ns, found {accounted} ns"
        )
        raise TableError(message)
    length = rows.t0.size
    return Partial(
        requests=length,
        counts=Tally(0, sums.counts, length),
        histogram=Tally(first_bucket, sums.histogram[:buckets], length),
        moments=Tally.of(sums.moments),
        lowest=sums.lowest,
        highest=sums.highest,
        anatomy=Tally.of(anatomy, first_bucket),
        ended=Tally(first_bin, sums.ended, length),
        servers=Tally.zeros(0, len(SERVER_SUMS)),
        server_peaks=np.zeros((layout.replicas, len(SERVER_PEAKS)), np.int64),
        pools=Tally.zeros(0, len(POOL_SUMS)),
        pool_peaks=np.zeros(layout.replicas * layout.pool_slots, np.int64),
        samples=Tally.zeros(0, layout.cells * len(STATES)),
        pool_samples=Tally.zeros(0, layout.cells * layout.pool_slots),
        link_samples=Tally.zeros(0, layout.links),
    )


def _fold_servers(partial: Partial, tables: Mapping[str, Table], layout: Layout) -> None:
    """Take over the sums and peaks of servers and pools."""
    table = present(tables, "servers")
    if table is not None:
        partial.servers = Tally.of(_side_by_side(table, "servers", SERVER_SUMS, layout.replicas))
        partial.server_peaks = _side_by_side(table, "servers", SERVER_PEAKS, layout.replicas)
    table = present(tables, "pools")
    if table is not None and layout.pool_slots:
        length = layout.replicas * layout.pool_slots
        partial.pools = Tally.of(_side_by_side(table, "pools", POOL_SUMS, length))
        partial.pool_peaks = checked(table, "pools", "peak_waiting", length).copy()


def _side_by_side(table: Table, name: str, columns: Sequence[str], length: int) -> NDArray[np.int64]:
    """Return a copy of columns as a matrix with one row per row.

    Raises:
        TableError: as `checked`.
    """
    found = [checked(table, name, column, length) for column in columns]
    return np.concatenate(found).reshape(len(columns), length).T


def _fold_samples(partial: Partial, tables: Mapping[str, Table], layout: Layout) -> None:
    """Add the sampled states of cells, pools and links to their ticks."""
    table = present(tables, "samples")
    if table is not None:
        length = checked(table, "samples", "tick", None).size
        cell = _bounded(table, "samples", "cell", length, layout.cells)
        partial.samples = _ticked(table, "samples", (cell, layout.cells), STATES, layout)
    table = present(tables, "pool_samples")
    if table is not None and layout.pool_slots:
        length = checked(table, "pool_samples", "tick", None).size
        cell = _bounded(table, "pool_samples", "cell", length, layout.cells)
        slot = _bounded(table, "pool_samples", "slot", length, layout.pool_slots)
        place = cell * layout.pool_slots + slot
        place.setflags(write=False)  # as all that kernels read
        places = layout.cells * layout.pool_slots
        partial.pool_samples = _ticked(table, "pool_samples", (place, places), ("in_use",), layout)
    table = present(tables, "link_samples")
    if table is not None and layout.links:
        length = checked(table, "link_samples", "tick", None).size
        link = _bounded(table, "link_samples", "link", length, layout.links)
        partial.link_samples = _ticked(table, "link_samples", (link, layout.links), ("delta",), layout)


def _bounded(table: Table, name: str, column: str, length: int | None, stop: int) -> NDArray[np.int64]:
    """Return a column of indexes below `stop`.

    Raises:
        TableError: an index is out of range, or the column has another length.
    """
    values = readable(table, name, column, length)
    if values.size:
        low, high = extremes(values)
        if low < 0 or high >= stop:
            raise _out_of_range(values, f"{name}.{column}", 0, stop - 1)
    return values


def _out_of_range(values: NDArray[np.int64], name: str, low: int, high: int) -> TableError:
    return TableError(f"{name}: expected {low} to {high}, found {values.min()} to {values.max()}")


def _ticked(
    table: Table, name: str, where: tuple[NDArray[np.int64], int], columns: Sequence[str], layout: Layout
) -> Tally:
    """Add up columns of values by tick and place.

    Args:
        table: of samples.
        name: of the table.
        where: the place of each sample, and the number of places; each has one sum per column.
        columns: what is summed.
        layout: of the scenario.

    Raises:
        TableError: a tick is out of range, a column is missing, or values are too large to add up in 64 bits.
    """
    place, places = where
    tick = _bounded(table, name, "tick", None, layout.ticks + 1)
    if tick.size == 0:
        return Tally.zeros(0, places * len(columns))
    first, last = extremes(tick)
    sums = np.zeros((last - first + 1, places, len(columns)), np.int64)
    largest = 0
    for at, column in enumerate(columns):
        values = readable(table, name, column, tick.size)
        found = add_samples(tick, place, values, first, sums, at)
        if found < 0:
            most = MOST_SUM // tick.size
            raise _out_of_range(values, f"{name}.{column}", -most, most)
        largest = max(largest, found)
    return Tally(first, sums.reshape(len(sums), -1), largest * tick.size)
