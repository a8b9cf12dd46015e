"""The published format of experiments against documents that are made: no key without a word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headroom import experiments
from headroom.builder import cpu, endpoint, poisson, scenario, server, workload
from headroom_analysis.report.experiments import parquet, plot, render_html

if TYPE_CHECKING:
    from headroom.experiment_result import ExperimentResult
    from headroom_common.scenario import Scenario

DOCS = Path(__file__).parents[2] / "docs"
RATE, CORES = "spec.workloads[0].rate", "spec.servers[0].cores"
ELSEWHERE = {"scenario", "result", "comparison", "scope"}
"""What other pages describe."""


def shop() -> Scenario:
    return scenario(
        "shop",
        horizon="10s",
        objectives=["latency.p99 below 40ms"],
        workloads=[workload("visitors", entry="app", arrivals=poisson("50/s"))],
        servers=[server("app", cores=1, endpoints=[endpoint("/", steps=[cpu("5ms")])])],
    )


def made(kind: str) -> ExperimentResult:
    few: dict[str, Any] = {"trials": 3}
    match kind:
        case "replicate":
            return experiments.replicate(shop(), precision=0.3, warm_up="auto", **few)
        case "sweep":
            return experiments.sweep(shop(), [f"{RATE}=50/s,90/s"], **few)
        case "compare":
            other = shop().canonical()
            other["spec"]["servers"][0]["cores"] = 2
            return experiments.compare(shop(), other, **few)
        case "capacity":
            return experiments.capacity(shop(), f"{CORES}=1..3", **few)
        case _:
            ranges = [f"{RATE}=20/s..60/s", f"{CORES}=1..2"]
            return experiments.sensitivity(shop(), ranges, method=kind, samples=2, **few)


def keys_of(value: Any) -> set[str]:
    if isinstance(value, list):
        return {key for item in value for key in keys_of(item)}
    if not isinstance(value, dict):
        return set()
    below = (keys_of(item) for key, item in value.items() if key not in ELSEWHERE)
    return set(value).union(*below)


@pytest.fixture(scope="module")
def words() -> set[str]:
    pages = (DOCS / f"{name}-format.md" for name in ("experiment", "comparison", "result"))
    return {word for page in pages for word in re.findall(r"`([^`\s]+)`", page.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("kind", ["replicate", "sweep", "capacity", "compare", "morris", "sobol"])
def test_every_key_has_a_word_and_every_document_a_page(kind: str, words: set[str]) -> None:
    document = made(kind).document
    assert keys_of(document) - words == set()
    assert "How sure this is" in render_html(document)
    assert plot(document, ".png").startswith(b"\x89PNG")
    assert parquet(document).startswith(b"PAR1")
