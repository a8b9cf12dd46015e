"""Objectives judged against the figures, and the verdict over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headroom_analysis.domain.intervals import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_analysis.domain.facts import ObjectiveFacts


class ObjectiveError(ValueError):
    """An objective names something that the result does not have."""


def judge(objective: ObjectiveFacts, document: dict[str, Any]) -> dict[str, Any]:
    """Return the objective with its figure and whether it is met.

    It is met when the estimate lies strictly on the demanded side of the threshold; without data it is not.
    It is certain when the whole interval lies on the estimate's side.

    Args:
        objective: the bound.
        document: the result document, with all figures in place.

    Raises:
        ObjectiveError: its scope or metric is not in the document.
    """
    figure = _figure(objective, document)
    below = objective.operator == "below"
    threshold = objective.threshold

    def keeps(value: float) -> bool:
        return value < threshold if below else value > threshold

    met = figure.value is not None and keeps(figure.value)
    ends = (figure.low, figure.high)
    certain = all(end is not None and keeps(end) == met for end in ends)
    return {
        "objective": objective.text,
        "metric": objective.metric,
        "scope": None if objective.kind is None else {objective.kind: objective.name},
        "operator": objective.operator,
        "threshold": threshold,
        "value": figure.document(),
        "met": met,
        "certain": certain,
    }


def verdict_of(judged: Sequence[dict[str, Any]]) -> str:
    """Return `pass` when every objective is met, `miss` when one is not, `none` when there is none."""
    if not judged:
        return "none"
    return "pass" if all(objective["met"] for objective in judged) else "miss"


def _figure(objective: ObjectiveFacts, document: dict[str, Any]) -> Figure:
    """Find the figure that an objective is about."""
    place = document
    if objective.kind is not None:
        entries = document[f"{objective.kind}s"]
        found = [entry for entry in entries if entry["name"] == objective.name]
        if not found:
            names = ", ".join(entry["name"] for entry in entries)
            message = f"objective '{objective.text}': expected a {objective.kind} of {names}, "
            message += f"found {objective.name}"
            raise ObjectiveError(message)
        place = found[0]
    for key in objective.metric.split("."):
        if key not in place:
            message = (
                f"objective '{objective.text}': expected a metric of the result, found {objective.metric}"
            )
            raise ObjectiveError(message)
        place = place[key]
    return Figure(**place)
