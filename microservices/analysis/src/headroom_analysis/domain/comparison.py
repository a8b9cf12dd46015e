"""Two runs side by side: every figure of both, and by how much they differ beyond chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from headroom_analysis.domain.differences import differences
from headroom_analysis.domain.intervals import difference_of, difference_of_means, figure_of
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.trees import Tree, places_of, row_of
from headroom_analysis.domain.trial import trial_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headroom_analysis.domain.facts import RunFacts
    from headroom_analysis.domain.intervals import Figure
    from headroom_analysis.domain.layout import Layout
    from headroom_analysis.domain.trial import TrialSummary

FORMAT: Final = "headroom.comparison/v1"
"""Name and version of the document; see docs/comparison-format.md."""

MOST_DIFFERENCES: Final = 50
"""Most differences of the scenarios that are told one by one."""

MOST_NAMES: Final = 64
"""Of so many workloads, endpoints, servers and links each, of those that both runs have, figures are told."""

_LATENCY: Final = tuple(f"latency.{name}" for name in ("mean", "p50", "p90", "p95", "p99", "p999"))
_REQUESTS: Final = (*_LATENCY, "throughput", "error_ratio", "arrival_rate")
_SERVER: Final = (
    *("utilisation", "utilisation_max_replica", "in_system", "memory.mean"),
    *("queues.cpu.mean", "queues.cpu.wait_mean", "queues.memory.mean", "queues.memory.wait_mean"),
    *("throughput", "error_ratio", "arrival_rate", "latency.mean", "latency.p99"),
)
_UNITS: Final = {"latency": "s", "memory": "B", "throughput": "1/s", "arrival_rate": "1/s"}

Values = list[float | None]
"""One number per trial, None without data."""


class ComparisonError(ValueError):
    """The trials of a run cannot be read by this version."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One of the two runs.

    Attributes:
        run_id: which run.
        facts: names and parameters.
        layout: sizes and maps.
        summaries: of its trials, in their order.
        verdict: over its objectives.
    """

    run_id: str
    facts: RunFacts
    layout: Layout
    summaries: Sequence[TrialSummary]
    verdict: str

    def document(self) -> dict[str, Any]:
        """Return what the comparison says of the run itself."""
        return {
            "run_id": self.run_id,
            "name": self.facts.name,
            "scenario_hash": self.facts.scenario_hash,
            "seed": self.facts.seed,
            "trials": len(self.summaries),
            "engine_version": self.facts.engine_version,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The trials of a run: where each number is in their rows, and the rows by trial."""

    places: Tree
    rows: dict[int, list[float]]


def comparison_document(a: ComparedRun, b: ComparedRun) -> dict[str, Any]:
    """Return how run ``b`` differs from run ``a``, as plain JSON values.

    Runs with the same seed met the same random numbers, so their trials are paired; others are compared as
    independent ones. All intervals are at the higher one of the two runs' levels.

    Raises:
        ComparisonError: the trials of a run are not of this version's shape.
    """
    confidence = max(a.facts.confidence, b.facts.confidence)
    numbers = _numbers(a), _numbers(b)
    paired = a.facts.seed == b.facts.seed
    shared = sorted(numbers[0].rows.keys() & numbers[1].rows.keys()) if paired else []
    metrics = []
    for scope, metric, places in _compared(a, b, numbers[0].places, numbers[1].places):
        first, second = (_values(one, place) for one, place in zip(numbers, places, strict=True))
        if paired:
            pairs = [[values[trial] for trial in shared] for values in (first, second)]
            difference = difference_of(pairs[0], pairs[1], confidence)
        else:
            difference = difference_of_means(first.values(), second.values(), confidence)
        figures = [figure_of(values.values(), confidence, least=0.0) for values in (first, second)]
        metrics.append(_entry(scope, metric, figures, difference, paired=paired))
    found = list(differences(a.facts.scenario, b.facts.scenario))
    return {
        "format": FORMAT,
        "a": a.document(),
        "b": b.document(),
        "confidence": confidence,
        "paired": paired,
        "pairs": len(shared),
        "metrics": metrics,
        "scenario_differences": found[:MOST_DIFFERENCES],
        "more_differences": max(0, len(found) - MOST_DIFFERENCES),
    }


def _entry(
    scope: dict[str, str] | None, metric: str, figures: Sequence[Figure], difference: Figure, *, paired: bool
) -> dict[str, Any]:
    base, change = figures[0].value, difference.value
    return {
        "metric": metric,
        "scope": scope,
        "unit": "s" if metric.endswith("wait_mean") else _UNITS.get(metric.partition(".")[0], "1"),
        "a": figures[0].document(),
        "b": figures[1].document(),
        "difference": difference.document(),
        "relative_difference": change / base if base and change is not None else None,
        "significant": difference.excludes(0.0),
        "paired": paired,
    }


def _numbers(run: ComparedRun) -> _Numbers:
    shape = trial_tree(Partial.empty(run.layout), run.layout, run.facts.servers)
    expected = row_of(shape).size
    for summary in run.summaries:
        if summary.row.size != expected:
            message = (
                f"run {run.run_id}: expected {expected} numbers per trial, found {summary.row.size}: "
                f"it was analysed by another version"
            )
            raise ComparisonError(message)
    return _Numbers(places_of(shape), {summary.trial: summary.row.tolist() for summary in run.summaries})


def _compared(
    a: ComparedRun, b: ComparedRun, of_a: Tree, of_b: Tree
) -> Iterator[tuple[dict[str, str] | None, str, tuple[int, int]]]:
    """Yield what is compared: scope, metric, and its places in the rows of both runs."""
    for metric in _REQUESTS:
        yield None, metric, (_at(of_a, metric), _at(of_b, metric))
    kinds = {
        "workload": (a.facts.workloads, b.facts.workloads, _REQUESTS),
        "endpoint": (a.facts.endpoints, b.facts.endpoints, _REQUESTS),
        "server": (_server_names(a.facts), _server_names(b.facts), _SERVER),
        "link": (a.facts.links, b.facts.links, ("in_transit_mean",)),
    }
    for kind, (names, others, metrics) in kinds.items():
        index = {name: at for at, name in enumerate(others)}
        both = ((at, index[name], name) for at, name in enumerate(names) if name in index)
        for mine, theirs, name in islice(both, MOST_NAMES):
            trees = of_a[f"{kind}s"][mine], of_b[f"{kind}s"][theirs]
            for metric in metrics:
                yield {kind: name}, metric, (_at(trees[0], metric), _at(trees[1], metric))


def _server_names(facts: RunFacts) -> tuple[str, ...]:
    return tuple(server.name for server in facts.servers)


def _at(places: Tree, metric: str) -> int:
    found: Any = places
    for key in metric.split("."):
        found = found[key]
    place: int = found
    return place


def _values(numbers: _Numbers, place: int) -> dict[int, float | None]:
    column = ((trial, row[place]) for trial, row in numbers.rows.items())
    return {trial: None if math.isnan(value) else value for trial, value in column}
