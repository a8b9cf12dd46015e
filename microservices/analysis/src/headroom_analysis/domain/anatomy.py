"""Where the time went: the mean request's and the tail's latency by cause and server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headroom_analysis.domain.latency import histogram_of, seconds
from headroom_analysis.domain.layout import SERVER_CAUSES, Layout
from headroom_analysis.domain.sketch import bucket_at_rank, rank_of

if TYPE_CHECKING:
    from headroom_analysis.domain.facts import RunFacts
    from headroom_analysis.domain.partials import Partial
    from headroom_analysis.domain.scopes import Scope
    from headroom_analysis.domain.trees import Tree

TAIL = 0.99
"""The quantile whose bucket starts the tail."""

_NAMES = {"io_wait": "io"}


def anatomy_tree(partial: Partial, everything: Scope) -> Tree:
    """Return the seconds per request by cause, of all measured ok requests and of the tail.

    The tail are the requests in the bucket of the 99th percentile and above.

    Returns:
        `mean` and `p99`, each with `total` and the list `causes` in the order of `Layout.causes`; all None
        without requests.
    """
    counts = histogram_of(partial, everything)
    total = int(counts.sum())
    first = bucket_at_rank(counts, rank_of(TAIL, total)) if total else 0
    return {
        "mean": _per_request(partial.anatomy.totals(), total),
        "p99": _per_request(
            partial.anatomy.totals(partial.histogram.first + first), int(counts[first:].sum())
        ),
    }


def _per_request(nanoseconds: list[int], count: int) -> Tree:
    if count == 0:
        return {"total": None, "causes": [None] * len(nanoseconds)}
    return {
        "total": seconds(sum(nanoseconds), count),
        "causes": [seconds(cause, count) for cause in nanoseconds],
    }


def causes_of(facts: RunFacts) -> list[tuple[str, str | None]]:
    """Return the name and the server of every cause, in the order of `Layout.causes`.

    A slot that a server does not use has the name "". Links or servers that are too many to be told apart
    have the causes ``link`` and those of no server in particular.
    """
    slots = max((len(server.pools) for server in facts.servers), default=0)
    causes: list[tuple[str, str | None]] = [("link", None)]
    if Layout.detailed(len(facts.links)):
        causes = [(f"link:{link}", None) for link in facts.links]
    if not Layout.detailed(len(facts.servers)):
        return causes + [
            (_NAMES.get(cause, cause), None) for cause in (*SERVER_CAUSES, *["pool_wait"] * slots)
        ]
    for server in facts.servers:
        causes += [(_NAMES.get(cause, cause), server.name) for cause in SERVER_CAUSES]
        causes += [
            (f"pool_wait:{server.pools[slot].name}" if slot < len(server.pools) else "", server.name)
            for slot in range(slots)
        ]
    return causes


def anatomy_document(figures: Tree, facts: RunFacts) -> dict[str, Any]:
    """Return the anatomy of the result document; largest part first, parts of zero left out.

    Args:
        figures: a tree as `anatomy_tree` makes it, with figures in place of the numbers.
        facts: names.
    """
    causes = causes_of(facts)
    document: dict[str, Any] = {}
    for of in ("mean", "p99"):
        total = figures[of]["total"]["value"]
        parts: list[dict[str, Any]] = [
            {"cause": cause, "server": server, "seconds": figure, "share": figure["value"] / total}
            for (cause, server), figure in zip(causes, figures[of]["causes"], strict=True)
            if figure["value"]
        ]
        parts.sort(key=lambda part: (-part["share"], part["cause"], part["server"] or ""))
        document[of] = {"total": total, "parts": parts}
    return document
