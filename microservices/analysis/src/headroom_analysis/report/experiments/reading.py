"""An experiment's document as its pages need it; parts that are missing or of a wrong type are no data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from headroom_analysis.report import verdict
from headroom_analysis.report.values import Estimate, dig, estimate, items, mapping, number, rows, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.verdict import Objective

P99: Final = "latency.p99"
_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_KINDS = {"s": "duration", "1/s": "rate", "B": "bytes"}
_RATES = ("throughput", "arrival_rate")
_SHARES = ("error_ratio", "utilisation")
_QUANTILES = {"p999": "p99.9"}
_WORDS = {
    "utilisation_max_replica": "use of busiest replica",
    "in_system": "requests inside",
    "in_transit_mean": "requests in transit",
    "memory.mean": "memory",
    "queues.cpu.mean": "queue for CPU",
    "queues.cpu.wait_mean": "wait for CPU",
    "queues.memory.mean": "queue for memory",
    "queues.memory.wait_mean": "wait for memory",
}
_UNSAID = ("spec", "arrivals")
_SPELT = {"io": "I/O", "cpu": "CPU"}
_FEW = 2


class Value(NamedTuple):
    """A value that was put in: its text, and its number with the unit where it is one."""

    text: str
    number: float | None
    unit: str


class Parameter(NamedTuple):
    """What varies.

    Attributes:
        path: As in an override.
        label: In words, such as ``replicas of app``.
        values: All that it takes, in order.
        log: Whether its range is spread in the logarithm.
    """

    path: str
    label: str
    values: Sequence[Value]
    log: bool

    @property
    def numeric(self) -> bool:
        """Whether its values are several numbers of one unit, which an axis can show."""
        units = {value.unit for value in self.values}
        return len(self.values) >= _FEW and len(units) == 1 and all(v.number is not None for v in self.values)


class Metric(NamedTuple):
    """What was measured: its path, whom it is about in words (empty for all requests), and its kind."""

    path: str
    scope: str
    kind: str

    @property
    def label(self) -> str:
        """In words, such as ``p99 latency of server app``."""
        words = metric_words(self.path)
        return f"{words} of {self.scope}" if self.scope else words

    @property
    def short(self) -> str:
        """In as few words as a legend has room for, such as ``p99 of app``."""
        name = self.scope.partition(" ")[2]
        words = metric_words(self.path).replace(" latency", "")
        return f"{words} of {name}" if name else words


class Server(NamedTuple):
    """How busy a server was at a point, and what it is short of."""

    name: str
    utilisation: Estimate
    saturated: bool
    bottleneck: str


class Point(NamedTuple):
    """One point: its number, values by path, figures by metric, verdict, and how it was simulated."""

    serial: int
    values: Mapping[str, Value]
    figures: Mapping[Metric, Estimate]
    medians: Mapping[Metric, Estimate]
    objectives: Sequence[Objective]
    servers: Sequence[Server]
    verdict: str
    trials: int
    precise: bool | None
    warmup: float | None
    cut: Cut | None

    @property
    def certain(self) -> bool:
        """Whether the intervals settle the verdict: one certain miss, or all objectives certain."""
        judged = self.objectives
        return any(one.certain and one.met is False for one in judged) or all(one.certain for one in judged)

    @property
    def words(self) -> str:
        """Its values, joined."""
        return ", ".join(value.text for value in self.values.values()) or "the scenario"


class Cut(NamedTuple):
    """What a rule found to leave out at the start, in seconds, and whether it found the state settled."""

    rule: str
    seconds: float | None
    settled: bool
    pilot_trials: int


class Limit(NamedTuple):
    """An objective's threshold, the same at all points."""

    metric: Metric
    threshold: float
    above: bool


def metric_words(path: str) -> str:
    """Return a metric's path in words."""
    name = path.removeprefix("latency.")
    if name != path:
        return f"{_QUANTILES.get(name, name)} latency"
    return _WORDS.get(path, path.replace("_", " ").replace(".", " "))


def kind_of(path: str, unit: str) -> str:
    """Return how numbers of a metric are shown: a key of ``formatting.SCALES``."""
    if path.rpartition(".")[2].startswith(_SHARES):
        return "ratio"
    if unit:
        return _KINDS.get(unit, "number")
    return "duration" if path.startswith("latency") else "rate" if path in _RATES else "number"


def scope_words(value: object) -> str:
    """Return ``server app`` of ``{"server": "app"}``, nothing for all requests."""
    return ", ".join(f"{text(kind)} {text(name)}" for kind, name in mapping(value).items())


def metric_of(row: Mapping[str, object]) -> Metric:
    """Return what a row with ``metric``, ``scope`` and ``unit`` is about."""
    path = text(row.get("metric"), "metric")
    return Metric(path, scope_words(row.get("scope")), kind_of(path, text(row.get("unit"))))


def value_of(row: object) -> Value:
    """Return a value that was put in."""
    found = mapping(row)
    return Value(text(found.get("text"), "no value"), number(found.get("number")), text(found.get("unit")))


def label_of(scenario: object, path: str) -> str:
    """Return a place of a scenario in words: its last part, and the names on the way to it.

    ``spec.servers[0].pools[0].size`` is ``size of app db``.
    """
    here: object = mapping(scenario)
    names: list[str] = []
    last: list[str] = []
    for match in _PART.finditer(path):
        item, key = match[1], match[2]
        if key is not None:
            last, here = [*last, key], mapping(here).get(key)
            continue
        members = items(here)
        named = [row for row in rows(here) if row.get("name") == item]
        by_number = item.isdecimal() and int(item) < len(members)
        here = named[0] if named else members[int(item)] if by_number else None
        names.append(text(mapping(here).get("name")) or f"{last[-1] if last else ''}[{item}]")
        last = []
    words = " ".join(_SPELT.get(key, key) for key in last if key not in _UNSAID).replace("_", " ") or path
    return text(f"{words} of {' '.join(names)}" if names else words)


def parameters_of(document: Mapping[str, object]) -> list[Parameter]:
    """Return what varies in a sweep; two with the same words keep their paths."""
    found = rows(dig(document, "sweep", "parameters"))
    labels = [label_of(document.get("scenario"), text(row.get("path"))) for row in found]
    return [
        Parameter(
            text(row.get("path")),
            label if labels.count(label) == 1 else text(row.get("path")),
            [value_of(value) for value in items(row.get("values"))],
            row.get("scale") == "log",
        )
        for row, label in zip(found, labels, strict=True)
    ]


def points_of(document: Mapping[str, object]) -> list[Point]:
    """Return all points."""
    return [_point(index, row) for index, row in enumerate(rows(document.get("points")))]


def _point(index: int, row: Mapping[str, object]) -> Point:
    figures = rows(row.get("figures"))
    precise = row.get("precise")
    found = mapping(row.get("warm_up"))
    cut = Cut(
        text(found.get("rule")),
        number(found.get("cut")),
        found.get("settled") is True,
        whole(found.get("pilot_trials")),
    )
    return Point(
        whole(row.get("index"), index),
        {text(value.get("path")): value_of(value) for value in rows(row.get("values"))},
        {metric_of(figure): estimate(figure) for figure in figures},
        {metric_of(figure): estimate(figure.get("median")) for figure in figures if figure.get("median")},
        verdict.objectives_of(row),
        [
            Server(
                text(server.get("name")),
                estimate(server.get("utilisation")),
                server.get("saturated") is True,
                text(server.get("bottleneck")),
            )
            for server in rows(row.get("servers"))
        ],
        text(row.get("verdict"), "none"),
        whole(row.get("trials"), 1),
        precise if isinstance(precise, bool) else None,
        number(row.get("warmup")),
        cut if found else None,
    )


def limits_of(points: Sequence[Point]) -> list[Limit]:
    """Return the thresholds of the objectives that are the same at all points."""
    found: dict[tuple[Metric, bool], set[float | None]] = {}
    for point in points:
        for one in point.objectives:
            found.setdefault((Metric(one.metric, one.scope, one.kind), one.above), set()).add(one.threshold)
    return [
        Limit(metric, threshold, above)
        for (metric, above), thresholds in found.items()
        if len(thresholds) == 1 and (threshold := next(iter(thresholds))) is not None
    ]


def metrics_of(points: Sequence[Point]) -> list[Metric]:
    """Return all metrics of which any point has a figure, in their order."""
    return [
        metric
        for metric in dict.fromkeys(metric for point in points for metric in point.figures)
        if any(point.figures.get(metric, Estimate(None)).value is not None for point in points)
    ]


def judged_metric(points: Sequence[Point]) -> Metric:
    """Return what a plot of one metric shows: the first latency with an objective, or the p99."""
    limits = [limit.metric for limit in limits_of(points)]
    latencies = [metric for metric in limits if metric.kind == "duration"]
    return next(iter(latencies or limits), Metric(P99, "", "duration"))
