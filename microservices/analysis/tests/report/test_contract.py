"""A document that analysis itself made: the report understands all of it."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from analysis_testing.runs import run_parameters
from analysis_testing.worlds import all_tables
from report_testing.pages import Node, captions, read, section, table

from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.result import result_document
from headroom_analysis.domain.trial import RunTotals, summarise
from headroom_analysis.plans import plan_of
from headroom_analysis.report import figures_table, render_html, series_table

Document = dict[str, Any]
Figure = tuple[float | None, float | None, float | None]
FIGURE = {"value", "low", "high"}


@pytest.fixture(scope="module")
def made() -> Document:
    plan = plan_of(run_parameters(trials=3))
    totals = RunTotals.empty(plan.layout)
    summaries = []
    for trial in range(3):
        partial = fold(all_tables(np.random.default_rng(trial), plan.layout, 400), plan.layout)
        totals.absorb(partial, plan.layout)
        summaries.append(summarise(trial, partial, plan.layout, plan.facts.servers))
    document: Document = json.loads(json.dumps(result_document(summaries, totals, plan.layout, plan.facts)))
    return document


@pytest.fixture(scope="module")
def page(made: Document) -> Node:
    return read(render_html(made))


def figures_in(value: Any) -> list[Figure]:
    if isinstance(value, list):
        return [figure for item in value for figure in figures_in(item)]
    if not isinstance(value, dict):
        return []
    if value.keys() == FIGURE:
        return [(value["value"], value["low"], value["high"])]
    return [figure for item in value.values() for figure in figures_in(item)]


def test_every_part_has_its_table(page: Node) -> None:
    assert set(captions(page)) == {
        "Objectives",
        "Latency of answered requests",
        "Requests by latency, all trials",
        "Time per request by cause, the tail's largest first",
        "How the requests ended",
        "Throughput and errors by workload and endpoint",
        "Throughput and errors over time",
        "Servers, the fullest first",
        "Memory",
        "Pools",
        "Replicas",
        "Links",
    }


def test_every_name_is_shown(made: Document, page: Node) -> None:
    for key, noun in (("workloads", "workload"), ("endpoints", "endpoint")):
        shown = [row[0] for row in table(page, "Latency of answered requests")]
        assert {f"{noun} {entry['name']}" for entry in made[key]} <= set(shown)
    assert [row[0] for row in table(page, "Links")[1:]] == [link["name"] for link in made["links"]]
    pools = {row[0] for row in table(page, "Pools")[1:]}
    assert pools == {"app \N{EN DASH} db", "app \N{EN DASH} cache"}


def test_every_sampled_cell_is_drawn(made: Document, page: Node) -> None:
    strips = [node.text for node in section(page, "servers").all("h3")]
    assert sorted(strips) == ["app, replica 0", "app, replica 1", "store"]
    assert len(strips) == len(made["series"]["servers"])


def test_objectives_are_told_with_their_scope(page: Node) -> None:
    rows = table(page, "Objectives")[1:]
    assert [row[0] for row in rows] == ["latency.p99 below 250ms", "utilisation of server app below 80%"]


def test_no_figure_is_missing_in_the_table(made: Document) -> None:
    rows = figures_table(made).to_pylist()
    assert not Counter(figures_in(made)) - Counter((row["value"], row["low"], row["high"]) for row in rows)


def test_no_point_of_a_series_is_missing_in_the_table(made: Document) -> None:
    series = made["series"]
    states = sum(len(entry) - 3 + len(entry["pools"]) for entry in series["servers"])  # name, replica, pools
    expected = (2 + states + len(series["links"])) * len(series["times"])
    assert series_table(made).num_rows == expected
