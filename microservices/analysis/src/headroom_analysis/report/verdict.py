"""The first thing a reader sees: does it hold, what misses and by how much, and what fills up first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from headroom_analysis.report import formatting, resources
from headroom_analysis.report.values import Estimate, estimate, number, rows, text, whole

_TWICE = 2.0
_ALL_MET = {1: "The objective is met", 2: "Both objectives are met"}


class Objective(NamedTuple):
    """An objective with its outcome.

    Attributes:
        words: The objective as the user wrote it.
        metric: Such as ``latency.p99``.
        scope: What it is about in words, such as ``workload shoppers``; empty for the whole run.
        above: Whether the value must be above the threshold (else below).
        threshold: In the metric's SI unit; None when the document does not say.
        value: What was measured.
        met: Whether the value is on the right side; None without data.
        certain: Whether the whole interval is on one side.
    """

    words: str
    metric: str
    scope: str
    above: bool
    threshold: float | None
    value: Estimate
    met: bool | None
    certain: bool

    @property
    def kind(self) -> str:
        """How its numbers are shown: a key of :data:`headroom_analysis.report.formatting.SCALES`."""
        if self.metric.startswith("latency"):
            return "duration"
        return "rate" if self.metric == "throughput" else "ratio"

    @property
    def label(self) -> str:
        """The metric and its scope in words."""
        name = self.metric.removeprefix("latency.")
        words = f"{name} latency" if name != self.metric else self.metric.replace("_", " ")
        return f"{words} of {self.scope}" if self.scope else words

    @property
    def margin(self) -> float | None:
        """How far the value is on the right side, as a share of the threshold; negative when missed.

        None when that is no number, as for a threshold of zero or next to it.
        """
        if self.value.value is None or not self.threshold:
            return None
        share = self.value.value / self.threshold - 1.0
        if not math.isfinite(100.0 * share):  # it is shown in percent
            return None
        return share if self.above else -share


def _scope(value: object) -> str:
    if isinstance(value, Mapping):
        return formatting.listing([f"{text(key)} {text(name)}" for key, name in value.items() if name])
    return text(value).replace(":", " ")


def objectives_of(result: Mapping[str, object]) -> list[Objective]:
    """Read the objectives of a result."""
    return [
        Objective(
            text(row.get("objective")) or text(row.get("metric"), "objective"),
            text(row.get("metric")),
            _scope(row.get("scope")),
            text(row.get("operator")) in {"above", ">", ">="},
            number(row.get("threshold")),
            estimate(row.get("value")),
            met if isinstance(met := row.get("met"), bool) else None,
            row.get("certain") is True,
        )
        for row in rows(result.get("objectives"))
    ]


class Verdict(NamedTuple):
    """The banner: ``state`` (pass, miss or none), its headline, one sentence, and a remark under it."""

    state: str
    headline: str
    sentence: str
    remark: str


def _missed(objective: Objective) -> str:
    if objective.value.value is None:
        return f"{objective.label} has no data"
    value = formatting.single(objective.value.value, objective.kind)
    if objective.threshold is None:
        return f"{objective.label} is {value}"
    limit = formatting.single(objective.threshold, objective.kind)
    gap = formatting.single(abs(objective.value.value - objective.threshold), objective.kind)
    if objective.above:
        return f"{objective.label} is {value}, {gap} short of the {limit} asked for"
    if objective.margin is not None and objective.value.value >= _TWICE * (objective.threshold or 0.0):
        times = formatting.trimmed(1.0 - objective.margin, 1)
        return f"{objective.label} is {value}, {times}{formatting.NBSP}times its limit of {limit}"
    return f"{objective.label} is {value}, {gap} over its limit of {limit}"


def _met(objectives: list[Objective]) -> str:
    known = [o for o in objectives if o.margin is not None]
    if not known:
        return "Every objective is met."
    closest = min(known, key=lambda o: o.margin if o.margin is not None else 0.0)
    value = formatting.single(closest.value.value, closest.kind)
    limit = formatting.single(closest.threshold, closest.kind)
    side = "above" if closest.above else "below"
    bound = "minimum" if closest.above else "limit"
    margin = formatting.percent(closest.margin or 0.0)
    if len(objectives) == 1:
        return f"The {closest.label} is {value}, {margin} {side} its {bound} of {limit}."
    return f"The closest is {closest.label}: {value}, {margin} {side} its {bound} of {limit}."


def _saturated(result: Mapping[str, object], first: resources.Resource, use: str) -> str:
    """Say what a saturated server lacks: a resource that is used up, or one that its requests wait for."""
    if first.use >= resources.LIMIT:
        wait = formatting.single(first.wait.value, "duration") if first.wait.value else ""
        queue = f", requests wait {wait} for it on average" if wait else ""
        return f"The {first.label} of {first.server} saturates first: {use} busy{queue}."
    server = next(row for row in rows(result.get("servers")) if text(row.get("name")) == first.server)
    reason = "it turns requests away" if estimate(server.get("shed")).value else "its backlog grows"
    lack = f"its requests wait most for its {first.label}, {use} in use"
    return f"Server {first.server} is saturated ({reason}); {lack}."


def _resource_sentence(result: Mapping[str, object]) -> str:
    first = next(iter(resources.ranked(result)), None)
    if first is None or first.use <= 0.0:
        return ""
    use = formatting.single(first.use, "ratio")
    if first.saturated:
        return _saturated(result, first, use)
    sentence = f"The busiest resource is the {first.label} of {first.server}, {use} in use"
    more = resources.headroom(result)
    if more is None:
        return f"{sentence}."
    return (
        f"{sentence}; about {formatting.trimmed(more, 1)}{formatting.NBSP}times this traffic would fill it."
    )


def _uncertain(objectives: list[Objective], trials: int) -> str:
    doubtful = [o.words for o in objectives if not o.certain and o.met is not None]
    if not doubtful:
        return ""
    if trials <= 1:
        return "One trial gives no interval: run several to know how sure this is."
    names = formatting.listing(doubtful)
    return f"Not certain: the limit lies within the interval of {names}; more trials narrow it."


def verdict_of(result: Mapping[str, object]) -> Verdict:
    """Say in one headline and one or two plain sentences what the run showed."""
    objectives = objectives_of(result)
    state = text(result.get("verdict"))
    resource = _resource_sentence(result)
    remark = _uncertain(objectives, whole(result.get("trials"), 1))
    missed = [o for o in objectives if o.met is not True]
    if not objectives or state not in {"pass", "miss"}:
        latency = formatting.single(estimate(_p99(result)).value, "duration")
        return Verdict(
            "none", "No objectives set", f"The p99 latency is {latency}. {resource}".strip(), remark
        )
    if state == "pass":
        headline = _ALL_MET.get(len(objectives), f"All {len(objectives)} objectives are met")
        return Verdict("pass", headline, f"{_met(objectives)} {resource}".strip(), remark)
    headline = (
        "The objective is missed"
        if len(objectives) == 1
        else f"{len(missed)} of {formatting.plural(len(objectives), 'objective')} missed"
    )
    what = "; ".join(f"the {_missed(o)}" for o in missed) or "an objective is missed"
    return Verdict("miss", headline, f"{what[0].upper()}{what[1:]}. {resource}".strip(), remark)


def _p99(result: Mapping[str, object]) -> object:
    latency = result.get("latency")
    return latency.get("p99") if isinstance(latency, Mapping) else None
