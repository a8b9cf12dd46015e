"""The tidy tables and the Parquet file."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_testing.documents import unanswered

from headroom_analysis.report import figures_table, result_table, series_table, write_parquet

Document = dict[str, Any]


def chosen(table: pa.Table, **wanted: Any) -> list[Document]:
    rows: list[Document] = table.to_pylist()
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_series_have_one_row_per_subject_and_instant(result: Document) -> None:
    table = series_table(result)
    assert table.column_names == ["series", "subject", "replica", "instant", "value", "unit"]
    instants = len(result["series"]["times"])
    subjects = 2 + 3 * 6 + 2  # of the run, of three replicas with a pool each, of the links
    assert table.num_rows == instants * subjects


def test_series_values_are_those_of_the_document(result: Document) -> None:
    table = series_table(result)
    times = result["series"]["times"]
    for series, subject, replica, unit, values in (
        ("throughput", None, None, "1/s", result["series"]["throughput"]),
        ("memory", "app", 1, "B", result["series"]["servers"][1]["memory"]),
        ("pool:db", "app", 2, "1", result["series"]["servers"][2]["pools"]["db"]),
        ("in_transit", "internet", None, "1", result["series"]["links"][0]["in_transit"]),
    ):
        found = chosen(table, series=series, subject=subject, replica=replica)
        assert [row["instant"] for row in found] == times
        assert [row["value"] for row in found] == values
        assert {row["unit"] for row in found} == {unit}


def test_figures_name_their_scope_and_unit(result: Document) -> None:
    table = figures_table(result)
    assert table.column_names == ["metric", "scope", "name", "value", "low", "high", "unit"]
    p99 = result["latency"]["p99"]
    assert chosen(table, metric="latency.p99", scope="run") == [
        {"metric": "latency.p99", "scope": "run", "name": None, **p99, "unit": "s"}
    ]
    server = result["servers"][0]
    for metric, name, scope, unit, figure in (
        ("utilisation", "app", "server", "1", server["utilisation"]),
        ("queues.cpu.wait_mean", "app", "server", "s", server["queues"]["cpu"]["wait_mean"]),
        ("memory.peak", "app", "server", "B", server["memory"]["peak"]),
        ("wait_mean", "app/db", "pool", "s", server["queues"]["pools"][0]["wait_mean"]),
        ("arrival_rate", "app/2", "replica", "1/s", server["per_replica"][2]["arrival_rate"]),
        ("throughput", "shoppers", "workload", "1/s", result["workloads"][0]["throughput"]),
        ("in_transit_mean", "lan", "link", "1", result["links"][1]["in_transit_mean"]),
        ("seconds", "cpu_wait@app", "p99", "s", result["anatomy"]["p99"]["parts"][3]["seconds"]),
        ("error_ratio", "error_ratio below 0.5%", "objective", "1", result["objectives"][1]["value"]),
    ):
        expected = {"metric": metric, "scope": scope, "name": name, **figure, "unit": unit}
        assert chosen(table, metric=metric, scope=scope, name=name) == [expected]


def test_the_histogram_keeps_its_bars(result: Document) -> None:
    found = chosen(figures_table(result), scope="histogram")
    assert [(row["low"], row["high"], row["value"]) for row in found] == [
        (bar["low"], bar["high"], bar["count"]) for bar in result["latency"]["histogram"]
    ]


def test_the_file_holds_both_and_says_what_it_is(result: Document, tmp_path: Path) -> None:
    write_parquet(result, tmp_path / "result.parquet")
    table = pq.read_table(tmp_path / "result.parquet")
    assert table.equals(result_table(result))
    assert len(chosen(table, record="figure")) == figures_table(result).num_rows
    assert len(chosen(table, record="series")) == series_table(result).num_rows
    identity = json.loads(table.schema.metadata[b"headroom"])
    assert identity["seed"] == 42
    assert identity["scenario_hash"] == result["scenario_hash"]


def test_equal_results_are_equal_files(result: Document, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_parquet(result, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("document", [{}, unanswered(), {"series": {"times": [0.0]}}])
def test_missing_parts_are_missing_rows(document: Document, tmp_path: Path) -> None:
    write_parquet(document, tmp_path / "result.parquet")
    table = pq.read_table(tmp_path / "result.parquet")
    assert table.schema.names == result_table(document).schema.names


def test_a_file_that_cannot_be_written(result: Document, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        write_parquet(result, tmp_path / "nowhere" / "result.parquet")
