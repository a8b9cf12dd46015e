"""A result as Arrow tables and as one Parquet file: tidy, one number per row.

Two layouts and their union:

* **series** (:func:`series_table`): ``series`` (``throughput``, ``errors``, ``ready``, ``io``, ``memory``,
  ``busy``, ``in_system``, ``pool:<name>``, ``in_transit``), ``subject`` (the server's or link's name; null
  for the whole run), ``replica`` (null when the row stands for all replicas of the subject together),
  ``instant`` (seconds of simulated time), ``value``, ``unit``.
* **figures** (:func:`figures_table`): ``metric`` (the path inside its scope, such as ``latency.p99`` or
  ``queues.cpu.wait_mean``), ``scope`` (``run``, ``workload``, ``endpoint``, ``server``, ``replica``,
  ``pool``, ``link``, ``mean`` and ``p99`` of the anatomy, ``objective``, ``histogram``), ``name`` (who it is
  about; ``server/pool`` for a pool, ``server/index`` for a replica, ``cause@server`` in the anatomy; null for
  the run), ``value``, ``low``, ``high`` (the ends of the interval), ``unit``. In the scope ``histogram`` the
  value counts the requests with a latency from ``low`` to below ``high`` seconds.
* **result** (:func:`result_table`, the file): all rows of both; ``record`` is ``figure`` or ``series``, and
  columns that do not apply are null. The file's metadata under the key ``headroom`` holds the document's
  identity as JSON.

Units: ``s``, ``1/s``, ``B``, ``1`` (ratios and plain numbers).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from headroom_analysis.report.values import (
    Estimate,
    dig,
    estimate,
    mapping,
    number,
    rows,
    series,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORD = pa.dictionary(pa.int32(), pa.string())
_SERIES = pa.schema(
    [
        ("series", _WORD),
        ("subject", _WORD),
        ("replica", pa.int32()),
        ("instant", pa.float64()),
        ("value", pa.float64()),
        ("unit", _WORD),
    ]
)
_FIGURES = pa.schema(
    [
        ("metric", _WORD),
        ("scope", _WORD),
        ("name", _WORD),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("unit", _WORD),
    ]
)
_RESULT = pa.schema(
    [
        ("record", _WORD),
        ("metric", _WORD),
        ("scope", _WORD),
        ("name", _WORD),
        ("replica", pa.int32()),
        ("instant", pa.float64()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("unit", _WORD),
    ]
)
_IDENTITY = (
    "format",
    "engine_version",
    "scenario_hash",
    "name",
    "seed",
    "trials",
    "partial",
    "confidence",
    "horizon",
    "warmup",
    "verdict",
)


class _Track(NamedTuple):
    """One sampled series: what, in which scope, of whom, and its values."""

    series: str
    scope: str
    subject: str | None
    replica: int | None
    values: list[float | None]
    unit: str


class _Figure(NamedTuple):
    metric: str
    scope: str
    name: str | None
    estimate: Estimate
    unit: str


def series_table(result: Mapping[str, object]) -> pa.Table:
    """Return the sampled series, see the module's description."""
    return _series(result).drop_columns(["scope"])


def figures_table(result: Mapping[str, object]) -> pa.Table:
    """Return the figures, see the module's description."""
    found = list(_figures(result))
    columns: list[list[Any]] = [
        [figure.metric for figure in found],
        [figure.scope for figure in found],
        [figure.name for figure in found],
        [figure.estimate.value for figure in found],
        [figure.estimate.low for figure in found],
        [figure.estimate.high for figure in found],
        [figure.unit for figure in found],
    ]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, _FIGURES, strict=True)], schema=_FIGURES)


def result_table(result: Mapping[str, object]) -> pa.Table:
    """Return figures and series as one table, see the module's description."""
    figures, sampled = (
        figures_table(result),
        _series(result).rename_columns({"series": "metric", "subject": "name"}),
    )
    parts = [_fitted(figures, "figure"), _fitted(sampled, "series")]
    identity = {key: result[key] for key in _IDENTITY if key in result}
    joined = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    return joined.replace_schema_metadata({"headroom": json.dumps(identity, ensure_ascii=True)})


def parquet(result: Mapping[str, object]) -> bytes:
    """Return :func:`result_table` as a file; see :func:`headroom_analysis.report.parquet`."""
    written = pa.BufferOutputStream()
    pq.write_table(result_table(result), written, compression="zstd")
    content: bytes = written.getvalue().to_pybytes()
    return content


def _fitted(table: pa.Table, record: str) -> pa.Table:
    """Return the table with all columns of the result layout, those that it lacks as nulls."""
    rows_there = table.num_rows
    columns = [
        table.column(field.name)
        if field.name in table.column_names
        else pa.array([record if field.name == "record" else None] * rows_there, field.type)
        for field in _RESULT
    ]
    return pa.table(columns, schema=_RESULT)


def _series(result: Mapping[str, object]) -> pa.Table:
    times = series(dig(result, "series", "times"))
    schema = _SERIES.insert(1, pa.field("scope", _WORD))
    parts = []
    for track in _tracks(result):
        length = min(len(times), len(track.values))
        columns: list[list[Any]] = [
            [track.series] * length,
            [track.scope] * length,
            [track.subject] * length,
            [track.replica] * length,
            times[:length],
            track.values[:length],
            [track.unit] * length,
        ]
        parts.append(
            pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
        )
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks() if parts else schema.empty_table()


def _tracks(result: Mapping[str, object]) -> Iterator[_Track]:
    found = mapping(result.get("series"))
    for name in ("throughput", "errors"):
        yield _Track(name, "run", None, None, series(found.get(name)), "1/s")
    for row in rows(found.get("servers")):
        subject, replica = text(row.get("name")), number(row.get("replica"))
        index = None if replica is None else int(replica)
        for key in ("ready", "io", "memory", "busy", "in_system"):
            yield _Track(key, "server", subject, index, series(row.get(key)), "B" if key == "memory" else "1")
        for pool, values in mapping(row.get("pools")).items():
            yield _Track(f"pool:{text(pool)}", "server", subject, index, series(values), "1")
    for row in rows(found.get("links")):
        yield _Track("in_transit", "link", text(row.get("name")), None, series(row.get("in_transit")), "1")


def _unit_of(metric: str) -> str:
    first, _, last = metric.partition(".")
    if first == "latency" or metric.endswith("wait_mean"):
        return "s"
    if first == "memory":
        return "B"
    return "1/s" if first in {"throughput", "arrival_rate"} or last == "throughput" else "1"


def _leaves(scope: str, name: str | None, document: object, path: str = "") -> Iterator[_Figure]:
    """Yield every figure and number under a mapping, with its path; sequences are left to their own scope."""
    for key, value in mapping(document).items():
        metric = f"{path}.{text(key)}" if path else text(key)
        if mapping(value) and "value" not in mapping(value):
            yield from _leaves(scope, name, value, metric)
        elif mapping(value) or number(value) is not None:
            yield _Figure(metric, scope, name, estimate(value), _unit_of(metric))


def _figures(result: Mapping[str, object]) -> Iterator[_Figure]:
    whole_run = ("requests", "outcomes", "error_ratio", "latency", "throughput", "arrival_rate", "checks")
    yield from _leaves("run", None, {key: result[key] for key in whole_run if key in result})
    for key in ("workloads", "endpoints", "links"):
        for row in rows(result.get(key)):
            yield from _leaves(key[:-1], text(row.get("name")), row)
    for server in rows(result.get("servers")):
        name = text(server.get("name"))
        yield from _leaves("server", name, server)
        for pool in rows(dig(server, "queues", "pools")):
            yield from _leaves("pool", f"{name}/{text(pool.get('name'))}", pool)
        for index, replica in enumerate(rows(server.get("per_replica"))):
            label = f"{name}/{whole(replica.get('index'), index)}"
            yield from _leaves("replica", label, {k: v for k, v in replica.items() if k != "index"})
    for group in ("mean", "p99"):
        yield _Figure("total", group, None, estimate(dig(result, "anatomy", group, "total")), "s")
        for part in rows(dig(result, "anatomy", group, "parts")):
            where = text(part.get("server"))
            cause = f"{text(part.get('cause'))}@{where}" if where else text(part.get("cause"))
            yield _Figure("seconds", group, cause, estimate(part.get("seconds")), "s")
            yield _Figure("share", group, cause, estimate(part.get("share")), "1")
    for row in rows(result.get("objectives")):
        metric = text(row.get("metric"))
        yield _Figure(
            metric, "objective", text(row.get("objective")), estimate(row.get("value")), _unit_of(metric)
        )
    for bar in rows(dig(result, "latency", "histogram")):
        ends = Estimate(number(bar.get("count")), number(bar.get("low")), number(bar.get("high")))
        yield _Figure("count", "histogram", None, ends, "1")
