"""The published format against the documents that are made: no key without a word, no word without a key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis_testing.compared import run
from analysis_testing.runs import run_parameters
from analysis_testing.worlds import all_tables

from headroom_analysis.domain.anatomy_contrast import anatomy_contrast
from headroom_analysis.domain.comparison import (
    MOST_DIFFERENCES,
    MOST_NAMES,
    comparison_document,
)
from headroom_analysis.domain.differences import MOST_SHOWN
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.latency import QUANTILES
from headroom_analysis.domain.layout import MOST_DETAILED
from headroom_analysis.domain.result import FORMAT, MOST_BARS, result_document
from headroom_analysis.domain.series import FEWEST_INSTANTS, MOST_INSTANTS
from headroom_analysis.domain.servers import MOST_REPLICAS, SATURATED_UTILISATION, WAITING_SHARE
from headroom_analysis.domain.sketch import BUCKETS
from headroom_analysis.domain.trial import RunTotals, summarise
from headroom_analysis.plans import plan_of

DOCS = Path(__file__).parents[3] / "docs"
FIGURE = {"value", "low", "high"}
ALL_QUANTILES = [f"latency.{name}" for name in QUANTILES]
"""A page writes the first and the last of them."""


@pytest.fixture(scope="module")
def text() -> str:
    return (DOCS / "result-format.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    plan = plan_of(run_parameters(trials=3))  # one more than there are: a partial result has every key
    totals = RunTotals.empty(plan.layout)
    summaries = []
    for trial in range(2):
        partial = fold(all_tables(np.random.default_rng(trial), plan.layout, 300), plan.layout)
        totals.absorb(partial, plan.layout)
        summaries.append(summarise(trial, partial, plan.layout, plan.facts.servers))
    return result_document(summaries, totals, plan.layout, plan.facts)


def keys_of(value: Any) -> set[str]:
    """All keys of the format itself: not of the scenario, and not the names of pools in the series."""
    if isinstance(value, list):
        return {key for item in value for key in keys_of(item)}
    if not isinstance(value, dict):
        return set()
    inner = {key: item for key, item in value.items() if key not in ("scenario", "pools", "scope")}
    pools = value.get("pools", [])
    found = {key for item in inner.values() for key in keys_of(item)}
    return set(value) | found | (keys_of(pools) if isinstance(pools, list) else set())


def test_every_key_is_documented(text: str, document: dict[str, Any]) -> None:
    words = {
        word for code in re.findall(r"`([^`]+)`", text) for word in re.findall(r"[a-z_][a-z_0-9]*", code)
    }
    assert keys_of(document) - words == set()


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        ("Top level", lambda document: document),
        ("Servers", lambda document: document["servers"][0]),
        ("Anatomy", lambda document: document["anatomy"]["mean"]["parts"][0]),
        ("Objectives", lambda document: document["objectives"][0]),
        ("Series", lambda document: document["series"]),
    ],
)
def test_every_documented_key_exists(text: str, document: dict[str, Any], section: str, entry: Any) -> None:
    part = text.split(f"## {section}\n")[1].split("\n## ", maxsplit=1)[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    keys = {key.split(".")[0] for row in rows for key in re.findall(r"`([^`]+)`", row)}
    assert keys == set(entry(document))


@pytest.fixture(scope="module")
def comparison() -> dict[str, Any]:
    return comparison_document(run(1), run(1, horizon="11s"))


def test_the_keys_of_an_anatomy_are_those_of_the_page() -> None:
    page = (DOCS / "comparison-format.md").read_text(encoding="utf-8")
    rows = [
        line.split("|")[1] for line in page.split("## Anatomy\n")[1].splitlines() if line.startswith("| `")
    ]
    keys = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    for found in anatomy_contrast(run(1), run(1)).values():
        assert set(found["total"]) == keys
        assert all(set(part) == {"cause", "server", *keys} for part in found["parts"])


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        ("Top level", lambda comparison: comparison),
        ("Runs", lambda comparison: comparison["a"]),
        ("Metrics", lambda comparison: comparison["metrics"][0]),
        ("Scenario differences", lambda comparison: comparison["scenario_differences"][0]),
    ],
)
def test_the_keys_of_a_comparison_are_those_of_the_page(
    comparison: dict[str, Any], section: str, entry: Any
) -> None:
    page = (DOCS / "comparison-format.md").read_text(encoding="utf-8")
    part = page.split(f"## {section}\n")[1].split("\n## ", maxsplit=1)[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    assert {key for row in rows for key in re.findall(r"`([^`]+)`", row)} == set(entry(comparison))
    for metric in {one["metric"] for one in comparison["metrics"]} - set(ALL_QUANTILES):
        assert f"`{metric}`" in page
    assert f"up to {MOST_NAMES} of each kind" in page
    assert f"the first {MOST_DIFFERENCES} places" in page
    assert f"more than {MOST_SHOWN} characters" in page


def test_the_limits_in_the_text_are_those_of_the_code(text: str) -> None:
    statistics = (DOCS / "statistics.md").read_text(encoding="utf-8")
    assert f"`{FORMAT}`" in text
    assert f"At most {MOST_BARS} bars" in text
    assert f"at most {MOST_INSTANTS} instants (fewer, but at least {FEWEST_INSTANTS}," in text
    assert f"with at most {MOST_REPLICAS} replicas" in text
    assert f"more than {MOST_DETAILED} servers" in text
    assert f"{BUCKETS:,} buckets cover" in statistics
    assert f"utilisation ≥ {SATURATED_UTILISATION}" in statistics
    assert f"at least {WAITING_SHARE:.0%}".replace("%", " %") in statistics
