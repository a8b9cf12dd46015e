"""Where the time of two runs went, side by side: which cause took more of the mean and of the p99."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from headroom_analysis.domain.anatomy import causes_of
from headroom_analysis.domain.comparison import Contrast

if TYPE_CHECKING:
    from headroom_analysis.domain.comparison import ComparedRun
    from headroom_analysis.domain.facts import RunFacts

_KEPT = ("a", "b", "difference", "significant")

_Cause = tuple[str, str | None, int]
"""Name, server, and which of those with the same name and server."""


def anatomy_contrast(a: ComparedRun, b: ComparedRun) -> dict[str, Any]:
    """Return the anatomies of two runs side by side, in seconds per request.

    A cause that only one scenario has took no time in the other. What took none in either is left out.

    Returns:
        `mean` and `p99`, each with the `total` and its `parts`, the largest change first.

    Raises:
        ComparisonError: the trials of a run are not of this version's shape.
    """
    contrast = Contrast(a, b)
    causes = _numbered(a.facts), _numbered(b.facts)
    document = {}
    for of in ("mean", "p99"):
        trees = [places["anatomy"][of] for places in contrast.places]
        places = [
            dict(zip(names, tree["causes"], strict=True)) for names, tree in zip(causes, trees, strict=True)
        ]
        parts = []
        for cause in dict.fromkeys([*places[0], *places[1]]):
            part = _part(contrast, *(of_run.get(cause) for of_run in places))
            if part["a"]["value"] or part["b"]["value"]:
                parts.append({"cause": cause[0], "server": cause[1], **part})
        parts.sort(
            key=lambda part: (-abs(part["difference"]["value"] or 0), part["cause"], part["server"] or "")
        )
        document[of] = {"total": _part(contrast, *(tree["total"] for tree in trees)), "parts": parts}
    return document


def _part(contrast: Contrast, *places: int | None) -> dict[str, Any]:
    found = contrast.at(*places)
    return {key: found[key] for key in _KEPT}


def _numbered(facts: RunFacts) -> list[_Cause]:
    seen: Counter[tuple[str, str | None]] = Counter()
    numbered = []
    for name, server in causes_of(facts):
        numbered.append((name, server, seen[name, server]))
        seen[name, server] += 1
    return numbered
