"""An experiment as one Arrow table and as one Parquet file: tidy, one figure of one point per row.

Columns: ``point`` (its index), then one column per path that varies (the value as text) and, where all values
are numbers of one unit, a second one named ``<path> (number)``; ``trials``, ``verdict``; ``metric``,
``scope`` (``run``, ``server``, ``workload``, ``endpoint``), ``name`` (who it is about; null for the run),
``statistic`` (``mean`` over the trials, or their ``median``), ``value``, ``low``, ``high``, ``unit``. The
file's metadata under the key ``headroom`` holds the document's identity as JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from headroom_analysis.report.experiments.reading import points_of
from headroom_analysis.report.values import Estimate, estimate, mapping, rows, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headroom_analysis.report.experiments.reading import Point

_WORD = pa.dictionary(pa.int32(), pa.string())
_IDENTITY = (
    *("format", "engine_version", "kind", "scenario_hash", "name", "seed", "confidence"),
    *("asked", "trials", "requests"),
)


class _Row(NamedTuple):
    point: Point
    metric: str
    scope: str
    name: str | None
    statistic: str
    figure: Estimate
    unit: str


def table(document: Mapping[str, object]) -> pa.Table:
    """Return all figures, see the module's description."""
    points = points_of(document)
    found = [
        row
        for point, entry in zip(points, rows(document.get("points")), strict=True)
        for row in _rows(point, entry)
    ]
    columns: dict[str, Any] = {"point": pa.array([row.point.serial for row in found], pa.int32())}
    for path in dict.fromkeys(path for point in points for path in point.values):
        values = [row.point.values.get(path) for row in found]
        columns[path] = pa.array([value.text if value else None for value in values], _WORD)
        units = {value.unit for value in values if value}
        if len(units) == 1 and all(value.number is not None for value in values if value):
            numbers = [value.number if value else None for value in values]
            columns[f"{path} (number)"] = pa.array(numbers, pa.float64())
    told: dict[str, tuple[pa.DataType, list[Any]]] = {
        "trials": (pa.int32(), [row.point.trials for row in found]),
        "verdict": (_WORD, [row.point.verdict for row in found]),
        "metric": (_WORD, [row.metric for row in found]),
        "scope": (_WORD, [row.scope for row in found]),
        "name": (_WORD, [row.name for row in found]),
        "statistic": (_WORD, [row.statistic for row in found]),
        "value": (pa.float64(), [row.figure.value for row in found]),
        "low": (pa.float64(), [row.figure.low for row in found]),
        "high": (pa.float64(), [row.figure.high for row in found]),
        "unit": (_WORD, [row.unit for row in found]),
    }
    columns |= {name: pa.array(values, kind) for name, (kind, values) in told.items()}
    identity = {key: document[key] for key in _IDENTITY if key in document}
    return pa.table(columns).replace_schema_metadata({"headroom": json.dumps(identity, ensure_ascii=True)})


def parquet(document: Mapping[str, object]) -> bytes:
    """Return :func:`table` as a file; see :func:`headroom_analysis.report.experiments.parquet`."""
    written = pa.BufferOutputStream()
    pq.write_table(table(document), written, compression="zstd")
    content: bytes = written.getvalue().to_pybytes()
    return content


def _rows(point: Point, entry: Mapping[str, object]) -> Iterator[_Row]:
    for figure in rows(entry.get("figures")):
        scope, name = next(iter(mapping(figure.get("scope")).items()), ("run", None))
        about = (text(figure.get("metric")), text(scope), None if name is None else text(name))
        unit = text(figure.get("unit"), "1")
        yield _Row(point, *about, "mean", estimate(figure), unit)
        if figure.get("median") is not None:
            yield _Row(point, *about, "median", estimate(figure.get("median")), unit)
    for server in point.servers:
        yield _Row(point, "utilisation", "server", server.name, "mean", server.utilisation, "1")
