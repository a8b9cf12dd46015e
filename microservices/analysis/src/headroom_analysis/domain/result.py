"""The result document `headroom.result/v1`, from the summaries of all trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headroom_analysis.domain.anatomy import anatomy_document
from headroom_analysis.domain.intervals import figure_of
from headroom_analysis.domain.latency import NANOSECONDS, Tree
from headroom_analysis.domain.objectives import judge, verdict_of
from headroom_analysis.domain.series import series_document
from headroom_analysis.domain.servers import KIB, bottleneck_of, is_saturated, waiting_grows
from headroom_analysis.domain.sketch import bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_analysis.domain.facts import RunFacts, ServerFacts
    from headroom_analysis.domain.layout import Layout
    from headroom_analysis.domain.trial import RunTotals, TrialSummary

FORMAT = "headroom.result/v1"
"""Name and version of the document; see docs/result-format.md."""

MOST_BARS = 200
"""Most bars of the histogram."""


def result_document(
    summaries: Sequence[TrialSummary], totals: RunTotals, layout: Layout, facts: RunFacts
) -> dict[str, Any]:
    """Return the result of a run as plain JSON values with a fixed order of keys.

    The same trials give the same document in whatever order they come.

    Args:
        summaries: one per trial.
        totals: the sums over the same trials.
        layout: of the scenario.
        facts: names, sizes and parameters.
    """
    ordered = sorted(summaries, key=lambda summary: summary.trial)
    trees = [summary.tree for summary in ordered]
    confidence = facts.confidence
    document: dict[str, Any] = {
        "format": FORMAT,
        "engine_version": facts.engine_version,
        "scenario_hash": facts.scenario_hash,
        "scenario": facts.scenario,
        "name": facts.name,
        "seed": facts.seed,
        "trials": facts.trials,
        "confidence": confidence,
        "horizon": layout.horizon_ns / NANOSECONDS,
        "warmup": layout.warmup_ns / NANOSECONDS,
        "verdict": "none",
        "requests": {"total": totals.requests, "measured": totals.measured},
        "outcomes": _figures([tree["outcomes"] for tree in trees], confidence),
        "error_ratio": _figures([tree["error_ratio"] for tree in trees], confidence),
        "latency": _figures([tree["latency"] for tree in trees], confidence)
        | {"histogram": _histogram(totals)},
        "throughput": _figures([tree["throughput"] for tree in trees], confidence),
        "arrival_rate": _figures([tree["arrival_rate"] for tree in trees], confidence),
        "workloads": _scopes("workloads", facts.workloads, trees, confidence),
        "endpoints": _scopes("endpoints", facts.endpoints, trees, confidence),
        "servers": [
            _server(group, server, trees, totals, layout, facts) for group, server in enumerate(facts.servers)
        ],
        "links": _scopes("links", facts.links, trees, confidence),
        "anatomy": anatomy_document([tree["anatomy"] for tree in trees], facts),
        "objectives": [],
        "series": series_document(totals, layout, facts),
        "checks": {"littles_law_residual": max(summary.littles_law_residual for summary in ordered)},
    }
    document["objectives"] = [judge(objective, document) for objective in facts.objectives]
    document["verdict"] = verdict_of(document["objectives"])
    return document


def _figures(trees: Sequence[Any], confidence: float) -> Any:  # noqa: ANN401 - a tree of figures or one figure
    """Turn equally shaped trees of numbers, one per trial, into one tree of figures."""
    first = trees[0]
    if isinstance(first, dict):
        return {key: _figures([tree[key] for tree in trees], confidence) for key in first}
    if isinstance(first, list):
        return [_figures(list(items), confidence) for items in zip(*trees, strict=True)]
    return figure_of(trees, confidence, least=0.0).document()


def _means(tree: Any) -> Any:  # noqa: ANN401 - a tree of figures or one figure
    """Reduce a tree of figures to their values, 0 where there are no data."""
    if isinstance(tree, list):
        return [_means(item) for item in tree]
    if tree.keys() == {"value", "low", "high"}:
        return tree["value"] or 0.0
    return {key: _means(item) for key, item in tree.items()}


def _histogram(totals: RunTotals) -> list[dict[str, Any]]:
    """Return the latencies of all trials together as bars in seconds."""
    counts = totals.histogram.low[:, 0]
    return [
        {"low": bar["low"] / NANOSECONDS, "high": bar["high"] / NANOSECONDS, "count": bar["count"]}
        for bar in bars(counts, totals.histogram.first, MOST_BARS)
    ]


def _scopes(
    kind: str, names: Sequence[str], trees: Sequence[Tree], confidence: float
) -> list[dict[str, Any]]:
    """Return the entries of workloads, endpoints or links."""
    figures = _figures([tree[kind] for tree in trees], confidence)
    return [{"name": name} | entry for name, entry in zip(names, figures, strict=True)]


def _server(
    group: int,
    server: ServerFacts,
    trees: Sequence[Tree],
    totals: RunTotals,
    layout: Layout,
    facts: RunFacts,
) -> dict[str, Any]:
    """Return the entry of one server group."""
    figures = _figures([tree["servers"][group] for tree in trees], facts.confidence)
    means = _means(figures)
    grows = waiting_grows(totals.samples, layout, group, server.cores * server.replicas, facts.trials)
    memory = None
    if server.memory_kib is not None or means["memory"]["peak"] > 0:
        capacity = None if server.memory_kib is None else server.memory_kib * KIB
        memory = figures["memory"] | {"capacity": capacity}
    pools = [
        {"name": pool.name, "size": pool.size} | queue
        for pool, queue in zip(server.pools, figures["queues"]["pools"], strict=True)
    ]
    return {
        "name": server.name,
        "replicas": server.replicas,
        "cores": server.cores,
        "utilisation": figures["utilisation"],
        "utilisation_max_replica": figures["utilisation_max_replica"],
        "memory": memory,
        "in_system": figures["in_system"],
        "queues": {"cpu": figures["queues"]["cpu"], "memory": figures["queues"]["memory"], "pools": pools},
        "arrival_rate": figures["arrival_rate"],
        "throughput": figures["throughput"],
        "error_ratio": figures["error_ratio"],
        "refused": figures["refused"],
        "shed": figures["shed"],
        "latency": figures["latency"],
        "saturated": is_saturated(means, server, grows=grows),
        "bottleneck": bottleneck_of(means, server),
        "per_replica": [{"index": index} | replica for index, replica in enumerate(figures["per_replica"])],
    }
