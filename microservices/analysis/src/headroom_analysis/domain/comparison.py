"""Two runs side by side: every figure of both, and by how much they differ beyond chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from headroom_analysis.domain.differences import differences
from headroom_analysis.domain.intervals import figure_of
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.trees import Tree, places_of, row_of
from headroom_analysis.domain.trial import trial_tree
from headroom_analysis.domain.two_samples import difference_of, difference_of_means, gain_of, holm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headroom_analysis.domain.facts import RunFacts
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


class ComparisonError(ValueError):
    """The trials of a run cannot be read by this version."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One of the two runs.

    Attributes:
        run_id: which run; None where several runs are one, as in an experiment.
        facts: names and parameters.
        layout: sizes and maps.
        summaries: of its trials, in their order.
        verdict: over its objectives.
    """

    run_id: str | None
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


class Contrast:
    """The trials of two runs, number by number.

    Runs with the same seed met the same random numbers, so their trials are paired; others are compared as
    independent ones. All intervals are at the higher one of the two runs' levels.

    Args:
        a: one run.
        b: the other run.

    Attributes:
        confidence: level of the intervals.
        paired: whether trials are paired.
        pairs: the trials that both have, if so.
        places: where each number is in the rows of `a` and of `b`.

    Raises:
        ComparisonError: the trials of a run are not of this version's shape.
    """

    def __init__(self, a: ComparedRun, b: ComparedRun) -> None:
        self.confidence = max(a.facts.confidence, b.facts.confidence)
        self.paired = a.facts.seed == b.facts.seed
        self.places = _places(a), _places(b)
        self._rows = [{one.trial: one.row.tolist() for one in run.summaries} for run in (a, b)]
        self.pairs = sorted(self._rows[0].keys() & self._rows[1].keys()) if self.paired else []

    def at(self, *places: int | None) -> dict[str, Any]:
        """Return the figures of both and the difference, as the document writes them.

        Args:
            places: of the number in the rows of `a` and of `b`; None is a number that is 0 in all trials.
        """
        both = [
            {trial: 0.0 if place is None else _known(row[place]) for trial, row in rows.items()}
            for rows, place in zip(self._rows, places, strict=True)
        ]
        gain = None
        if self.paired:
            first, second = ([values[trial] for trial in self.pairs] for values in both)
            difference = difference_of(first, second)
            gain = gain_of(first, second, self.confidence)
        else:
            difference = difference_of_means(both[0].values(), both[1].values())
        a, b = (figure_of(values.values(), self.confidence, least=0.0) for values in both)
        figure, base = difference.figure(self.confidence), a.value
        return {
            "a": a.document(),
            "b": b.document(),
            "difference": figure.document(),
            "relative_difference": figure.value / base if base and figure.value is not None else None,
            "significant": figure.excludes(0.0),
            "p_value": difference.p_value(),
            "paired": self.paired,
            "variance_ratio": None if gain is None else gain.variance_ratio,
            "unpaired_trials": None if gain is None else gain.unpaired_trials,
        }


def comparison_document(a: ComparedRun, b: ComparedRun) -> dict[str, Any]:
    """Return how run ``b`` differs from run ``a``, as plain JSON values.

    Raises:
        ComparisonError: the trials of a run are not of this version's shape.
    """
    contrast = Contrast(a, b)
    found = list(differences(a.facts.scenario, b.facts.scenario))
    return {
        "format": FORMAT,
        "a": a.document(),
        "b": b.document(),
        "confidence": contrast.confidence,
        "paired": contrast.paired,
        "pairs": len(contrast.pairs),
        "metrics": _metrics(a, b, contrast),
        "scenario_differences": found[:MOST_DIFFERENCES],
        "more_differences": max(0, len(found) - MOST_DIFFERENCES),
    }


def _metrics(a: ComparedRun, b: ComparedRun, contrast: Contrast) -> list[dict[str, Any]]:
    metrics = [
        {
            "metric": metric,
            "scope": scope,
            "unit": "s" if metric.endswith("wait_mean") else _UNITS.get(metric.partition(".")[0], "1"),
            **contrast.at(*places),
        }
        for scope, metric, places in _compared(a, b, contrast)
    ]
    tested = [entry for entry in metrics if entry["p_value"] is not None]
    for entry in metrics:
        entry |= {"p_adjusted": None, "significant_overall": False}
    for entry, p_value in zip(tested, holm([entry["p_value"] for entry in tested]), strict=True):
        entry["p_adjusted"] = p_value
        entry["significant_overall"] = p_value < 1 - contrast.confidence
    return metrics


def _places(run: ComparedRun) -> Tree:
    shape = trial_tree(Partial.empty(run.layout), run.layout, run.facts.servers)
    expected = row_of(shape).size
    for summary in run.summaries:
        if summary.row.size != expected:
            message = (
                f"run {run.run_id}: expected {expected} numbers per trial, found {summary.row.size}: "
                f"it was analysed by another version"
            )
            raise ComparisonError(message)
    return places_of(shape)


def _compared(
    a: ComparedRun, b: ComparedRun, contrast: Contrast
) -> Iterator[tuple[dict[str, str] | None, str, tuple[int, int]]]:
    """Yield what is compared: scope, metric, and its places in the rows of both runs."""
    of_a, of_b = contrast.places
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


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number
