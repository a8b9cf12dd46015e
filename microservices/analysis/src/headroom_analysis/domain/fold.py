"""The tables of one `requests.completed` event, folded into a `Partial`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from headroom_analysis.domain.exact import Tally
from headroom_analysis.domain.kernels import (
    CATEGORIES,
    MOMENTS,
    Places,
    Plan,
    Rows,
    Sums,
    fold_link,
    fold_pool,
    fold_rows,
    scan,
)
from headroom_analysis.domain.layout import SERVER_CAUSES, Layout
from headroom_analysis.domain.partials import (
    NO_LATENCY,
    POOL_SUMS,
    SERVER_PEAKS,
    SERVER_SUMS,
    STATES,
    Partial,
)
from headroom_analysis.domain.scopes import scopes_of
from headroom_analysis.domain.sketch import bucket_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Table = dict[str, "NDArray[Any]"]
"""Columns of equal length by name."""

_MOST_ROWS = 1 << 23  # see LIMB_BITS
_MOST_SUM = 1 << 62

_IntegerT = TypeVar("_IntegerT", bound=np.signedinteger[Any])


class TableError(ValueError):
    """A table of an event breaks its contract; the message names column, expected and found."""


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
    requests = _present(tables, "requests")
    if requests is None:
        message = "requests: expected a table of completed requests, found none"
        raise TableError(message)
    partial = _fold_requests(requests, layout)
    _fold_servers(partial, tables, layout)
    _fold_samples(partial, tables, layout)
    return partial


def _present(tables: Mapping[str, Table], name: str) -> Table | None:
    table = tables.get(name)
    return table or None


def _column(
    table: Table, name: str, column: str, length: int | None, dtype: type[_IntegerT]
) -> NDArray[_IntegerT]:
    """Return a column as a read-only, contiguous, aligned array, so that kernels see one type only.

    Raises:
        TableError: missing, not integers, or of another length.
    """
    values = table.get(column)
    if values is None:
        message = f"{name}.{column}: expected a column, found only {', '.join(sorted(table))}"
        raise TableError(message)
    if values.dtype.kind != "i" or values.ndim != 1 or values.dtype.itemsize > np.dtype(dtype).itemsize:
        found = f"{values.dtype} of {values.ndim} dimensions"
        message = f"{name}.{column}: expected a column of {np.dtype(dtype)}, found {found}"
        raise TableError(message)
    if length is not None and values.size != length:
        message = f"{name}.{column}: expected {length} rows, found {values.size}"
        raise TableError(message)
    flags = values.flags
    if values.dtype == dtype and flags.c_contiguous and flags.aligned:  # as a rule; `require` takes its time
        view = values.view()
    else:
        view = np.require(values, dtype, ["C", "A"]).view()
    view.flags.writeable = False
    return view


def _fold_requests(table: Table, layout: Layout) -> Partial:
    """Fold the rows, in as few pieces as keep every 64-bit sum exact."""
    length = _column(table, "requests", "t0", None, np.int64).size
    rows = _rows(table, length)
    more = {
        column: _column(table, "requests", column, length, np.int64)
        for column in (
            *(f"hop{hop}" for hop in range(layout.links_in.shape[0])),
            *(f"back{hop}" for hop in range(layout.links_back.shape[0])),
            *(f"pool_wait{slot}" for slot in range(layout.pool_slots)),
        )
    }
    plan = _plan(layout)
    extent = np.array([NO_LATENCY, -1, NO_LATENCY, -1], np.int64)
    bad = scan(rows, plan, extent)
    if bad >= 0:
        found = ", ".join(f"{field} {int(getattr(rows, field)[bad])}" for field in Rows._fields)
        message = f"requests row {bad}: expected indexes and times in range, found {found}"
        raise TableError(message)
    highest = max(int(extent[1]), 1)
    piece = min(_MOST_ROWS, _MOST_SUM // highest)
    partial = _fold_piece(
        _cut(rows, slice(piece)), _cut_all(more, slice(piece)), layout, plan, extent.tolist()
    )
    for start in range(piece, length, piece):
        part = slice(start, start + piece)
        partial.absorb(_fold_piece(_cut(rows, part), _cut_all(more, part), layout, plan, extent.tolist()))
    return partial


def _rows(table: Table, length: int) -> Rows:
    """Return the columns of the main loop in their contract's types.

    Raises:
        TableError: as `_column` does.
    """

    def column(name: str, dtype: type[_IntegerT]) -> NDArray[_IntegerT]:
        return _column(table, "requests", name, length, dtype)

    return Rows(
        workload=column("workload", np.int16),
        endpoint=column("endpoint", np.int16),
        server=column("server", np.int32),
        target=column("target", np.int32),
        t0=column("t0", np.int64),
        latency=column("latency", np.int64),
        outcome=column("outcome", np.int8),
        memory_wait=column("memory_wait", np.int64),
        cpu_wait=column("cpu_wait", np.int64),
        cpu_run=column("cpu_run", np.int64),
        io_wait=column("io_wait", np.int64),
    )


def _cut(rows: Rows, part: slice) -> Rows:
    """Return a range of the rows."""
    return Rows._make(getattr(rows, field)[part] for field in Rows._fields)


def _cut_all(columns: dict[str, NDArray[np.int64]], part: slice) -> dict[str, NDArray[np.int64]]:
    """Return a range of the rows of further columns."""
    return {column: values[part] for column, values in columns.items()}


def _plan(layout: Layout) -> Plan:
    scopes = scopes_of(layout)
    return Plan(
        group_of_replica=layout.group_of_replica,
        groups=layout.groups,
        workloads=layout.workloads,
        endpoints=layout.endpoints,
        targets=layout.targets,
        workload_scope=scopes.workload,
        workload_column=scopes.workload_column,
        endpoint_scope=scopes.endpoint,
        endpoint_column=scopes.endpoint_column,
        group_step=int(layout.detailed_groups > 1),
        first_bucket=0,
        causes=layout.causes,
        causes_before_groups=layout.detailed_links,
        causes_per_group=layout.causes_per_group,
        warmup_ns=layout.warmup_ns,
        horizon_ns=layout.horizon_ns,
        period_ns=layout.period_ns,
        first_bin=0,
    )


def _fold_piece(
    rows: Rows, more: dict[str, NDArray[np.int64]], layout: Layout, plan: Plan, extent: list[int]
) -> Partial:
    """Fold rows whose sums fit, into accumulators that cover just the used buckets and sample periods.

    Raises:
        TableError: the causes of the ok rows do not add up to their latencies.
    """
    low, high, start, stop = extent
    partial = Partial.empty(layout)
    scopes = scopes_of(layout)
    first_bucket = int(bucket_of(low)) if high >= 0 else 0
    buckets = int(bucket_of(high)) - first_bucket + 1 if high >= 0 else 0
    first_bin = min(start // layout.period_ns, layout.bins)
    bins = min(stop // layout.period_ns + 1, layout.bins) - first_bin
    sums = Sums(
        counts=np.zeros((1 + scopes.count, CATEGORIES), np.int64),
        histogram=np.zeros((buckets, scopes.columns), np.int64),
        moments=np.zeros((scopes.count, MOMENTS), np.int64),
        lowest=partial.lowest,
        highest=partial.highest,
        anatomy=np.zeros(buckets * layout.causes, np.int64),
        ended=np.zeros((max(bins, 0), 2), np.int64),
    )
    length = rows.t0.size
    places = Places(np.empty(length, np.int64), np.empty(length, np.int64), np.empty(length, np.int64))
    fold_rows(rows, plan._replace(first_bucket=first_bucket, first_bin=first_bin), sums, places)
    most = layout.detailed_links - 1
    for prefix, links in (("hop", layout.links_in), ("back", layout.links_back)):
        for hop, link_of_path in enumerate(np.minimum(links, most)):
            fold_link(more[f"{prefix}{hop}"], places, link_of_path, sums.anatomy)
    for slot in range(layout.pool_slots):
        fold_pool(more[f"pool_wait{slot}"], places, len(SERVER_CAUSES) + slot, sums.anatomy)
    latency = int(sums.moments[: layout.groups, 0].sum())
    if (accounted := int(sums.anatomy.sum())) != latency:
        message = (
            f"requests: expected causes that add up to the latencies, {latency} ns, found {accounted} ns"
        )
        raise TableError(message)
    partial.requests = length
    partial.counts = Tally.of(sums.counts)
    partial.histogram = Tally.of(sums.histogram, first_bucket)
    partial.moments = Tally.of(sums.moments)
    partial.anatomy = Tally.of(sums.anatomy.reshape(buckets, layout.causes), first_bucket)
    partial.ended = Tally.of(sums.ended, first_bin)
    return partial


def _fold_servers(partial: Partial, tables: Mapping[str, Table], layout: Layout) -> None:
    """Take over the sums and peaks of servers and pools."""
    table = _present(tables, "servers")
    if table is not None:
        sums = [_column(table, "servers", column, layout.replicas, np.int64) for column in SERVER_SUMS]
        peaks = [_column(table, "servers", column, layout.replicas, np.int64) for column in SERVER_PEAKS]
        partial.servers = Tally.of(np.stack(sums, axis=1))
        partial.server_peaks = np.stack(peaks, axis=1)
    table = _present(tables, "pools")
    if table is not None and layout.pool_slots:
        length = layout.replicas * layout.pool_slots
        sums = [_column(table, "pools", column, length, np.int64) for column in POOL_SUMS]
        partial.pools = Tally.of(np.stack(sums, axis=1))
        partial.pool_peaks = _column(table, "pools", "peak_waiting", length, np.int64).copy()


def _fold_samples(partial: Partial, tables: Mapping[str, Table], layout: Layout) -> None:
    """Add the sampled states of cells, pools and links to their ticks."""
    table = _present(tables, "samples")
    if table is not None:
        cell = _bounded(table, "samples", "cell", layout.cells)
        columns = [(cell * len(STATES) + at, state) for at, state in enumerate(STATES)]
        partial.samples = _ticked(table, "samples", columns, layout.cells * len(STATES), layout)
    table = _present(tables, "pool_samples")
    if table is not None and layout.pool_slots:
        cell = _bounded(table, "pool_samples", "cell", layout.cells)
        slot = _bounded(table, "pool_samples", "slot", layout.pool_slots)
        columns = [(cell * layout.pool_slots + slot, "in_use")]
        partial.pool_samples = _ticked(
            table, "pool_samples", columns, layout.cells * layout.pool_slots, layout
        )
    table = _present(tables, "link_samples")
    if table is not None and layout.links:
        link = _bounded(table, "link_samples", "link", layout.links)
        partial.link_samples = _ticked(table, "link_samples", [(link, "delta")], layout.links, layout)


def _bounded(table: Table, name: str, column: str, stop: int) -> NDArray[np.int64]:
    """Return a column of indexes below `stop`, as long as the table's `tick`.

    Raises:
        TableError: an index is out of range, or the column has another length.
    """
    length = _column(table, name, "tick", None, np.int64).size
    values = _column(table, name, column, length, np.int64)
    return _between(values, f"{name}.{column}", 0, stop - 1)


def _between(values: NDArray[np.int64], name: str, low: int, high: int) -> NDArray[np.int64]:
    """Return the values.

    Raises:
        TableError: one is out of range.
    """
    if values.size and not low <= int(values.min()) <= int(values.max()) <= high:
        message = f"{name}: expected {low} to {high}, found {values.min()} to {values.max()}"
        raise TableError(message)
    return values


def _ticked(
    table: Table, name: str, columns: list[tuple[NDArray[np.int64], str]], width: int, layout: Layout
) -> Tally:
    """Add up columns of values by tick and place.

    Raises:
        TableError: a tick is out of range, a column is missing, or values are too large to add up in 64 bits.
    """
    tick = _bounded(table, name, "tick", layout.ticks + 1)
    if tick.size == 0:
        return Tally.zeros(0, width)
    first = int(tick.min())
    sums = np.zeros((int(tick.max()) - first + 1, width), np.int64)
    most = _MOST_SUM // tick.size
    for place, column in columns:
        values = _column(table, name, column, tick.size, np.int64)
        np.add.at(sums, (tick - first, place), _between(values, f"{name}.{column}", -most, most))
    return Tally.of(sums, first)
