"""The result document `headroom.result/v1`, from the summaries of all trials."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headroom_analysis.domain.anatomy import anatomy_document
from headroom_analysis.domain.latency import NANOSECONDS
from headroom_analysis.domain.objectives import judge, verdict_of
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.series import series_document
from headroom_analysis.domain.servers import KIB, bottleneck_of, is_saturated, waiting_grows
from headroom_analysis.domain.sketch import bars
from headroom_analysis.domain.trees import Tree, figures_of, means_of
from headroom_analysis.domain.trial import trial_tree

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

    The same trials give the same document in whatever order they come. Fewer trials than the run has make a
    partial result, which says so.

    Args:
        summaries: one per trial.
        totals: the sums over the same trials.
        layout: of the scenario.
        facts: names, sizes and parameters.
    """
    ordered = sorted(summaries, key=lambda summary: summary.trial)
    requested, facts = facts.trials, replace(facts, trials=len(ordered))
    partial = {} if facts.trials == requested else {"partial": {"trials_requested": requested}}
    shape = trial_tree(Partial.empty(layout), layout, facts.servers)
    figures = figures_of(shape, [summary.row for summary in ordered], facts.confidence)
    document: dict[str, Any] = {
        "format": FORMAT,
        "engine_version": facts.engine_version,
        "scenario_hash": facts.scenario_hash,
        "scenario": facts.scenario,
        "name": facts.name,
        "seed": facts.seed,
        "trials": facts.trials,
        **partial,
        "confidence": facts.confidence,
        "horizon": layout.horizon_ns / NANOSECONDS,
        "warmup": layout.warmup_ns / NANOSECONDS,
        "verdict": "none",
        "requests": {"total": totals.requests, "measured": totals.measured},
        "outcomes": figures["outcomes"],
        "error_ratio": figures["error_ratio"],
        "latency": figures["latency"] | {"histogram": _histogram(totals)},
        "throughput": figures["throughput"],
        "arrival_rate": figures["arrival_rate"],
        "workloads": _named(facts.workloads, figures["workloads"]),
        "endpoints": _named(facts.endpoints, figures["endpoints"]),
        "servers": [
            _server(
                figures["servers"][group],
                server,
                grows=waiting_grows(
                    totals.samples, layout, group, server.cores * server.replicas, facts.trials
                ),
            )
            for group, server in enumerate(facts.servers)
        ],
        "links": _named(facts.links, figures["links"]),
        "anatomy": anatomy_document(figures["anatomy"], facts),
        "objectives": [],
        "series": series_document(totals, layout, facts),
        "checks": {"littles_law_residual": max(summary.littles_law_residual for summary in ordered)},
    }
    document["objectives"] = [judge(objective, document) for objective in facts.objectives]
    document["verdict"] = verdict_of(document["objectives"])
    return document


def _histogram(totals: RunTotals) -> list[dict[str, Any]]:
    """Return the latencies of all trials together as bars in seconds."""
    counts = totals.histogram.low[:, 0]
    return [
        {"low": bar["low"] / NANOSECONDS, "high": bar["high"] / NANOSECONDS, "count": bar["count"]}
        for bar in bars(counts, totals.histogram.first, MOST_BARS)
    ]


def _named(names: Sequence[str], figures: list[Tree]) -> list[dict[str, Any]]:
    """Return the entries of workloads, endpoints or links with their names."""
    return [{"name": name} | entry for name, entry in zip(names, figures, strict=True)]


def _server(figures: Tree, server: ServerFacts, *, grows: bool) -> dict[str, Any]:
    """Return the entry of one server group.

    Args:
        figures: a tree as `server_tree` makes it, with figures in place of the numbers.
        server: its facts.
        grows: whether its backlog grew.
    """
    means = means_of(figures)
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
        "queues": figures["queues"] | {"pools": pools},
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
