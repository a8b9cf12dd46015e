"""What an experiment found out, in one headline and a few sentences: on its page, and in a terminal.

Nothing here draws, so that a command line can tell the answer without loading what draws.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from headroom_analysis.report import formatting, resources
from headroom_analysis.report.experiments.reading import (
    Metric,
    Parameter,
    Point,
    judged_metric,
    label_of,
    metric_of,
    parameters_of,
    points_of,
    value_of,
)
from headroom_analysis.report.values import NO_DATA, dig, estimate, mapping, number, rows, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TOLD = 3


class Numbers(NamedTuple):
    """How numbers are written.

    Attributes:
        single: Writes a number of a kind (``duration``, ``rate``, ``ratio``, …) with its unit.
        share: Writes a share of 1 in per cent.
    """

    single: Callable[[float | None, str], str]
    share: Callable[[float], str]


PAGE: Final = Numbers(formatting.single, formatting.percent)
"""Numbers as on pages."""


class Answer(NamedTuple):
    """What was found out.

    Attributes:
        state: ``pass``, ``miss`` or ``none``, which gives the colour and the mark.
        headline: The answer.
        sentences: What a reader should know besides.
    """

    state: str
    headline: str
    sentences: Sequence[str]


def answer_of(document: Mapping[str, object], numbers: Numbers = PAGE) -> Answer:
    """Say what an experiment found out.

    Args:
        document: A document of the format ``headroom.experiment/v1``.
        numbers: How numbers are written.
    """
    kinds = {
        "replicate": _replicate,
        "sweep": _sweep,
        "capacity": _capacity,
        "compare": _compare,
        "sensitivity": _sensitivity,
    }
    answer = kinds.get(text(document.get("kind")), _unknown)(document, numbers)
    unsure = _precision(document, numbers)
    return answer._replace(sentences=[sentence for sentence in (*answer.sentences, *unsure) if sentence])


def _unknown(document: Mapping[str, object], _: Numbers) -> Answer:
    return Answer("none", f"An experiment of the kind {text(document.get('kind'), 'unknown')}", [])


def _precision(document: Mapping[str, object], numbers: Numbers) -> list[str]:
    """Warn of points that are not as precise as was asked for, and of those that have not settled."""
    points = points_of(document)
    wanted = number(dig(document, "asked", "precision"))
    rough = [point for point in points if point.precise is False]
    unsettled = [point for point in points if point.cut is not None and not point.cut.settled]
    found = []
    if rough and wanted and text(document.get("kind")) != "replicate":
        which = "The point is" if len(points) == 1 else f"{len(rough):,} of {len(points):,} points are"
        found.append(f"{which} not within {numbers.share(wanted)}: more trials were not allowed.")
    if unsettled:
        which = (
            "The scenario has" if len(points) == 1 else f"{len(unsettled):,} of {len(points):,} points have"
        )
        found.append(f"{which} no steady state within the horizon; figures depend on how long it is.")
    return found


def _replicate(document: Mapping[str, object], numbers: Numbers) -> Answer:
    judged = rows(dig(document, "replicate", "judged"))
    widths = [(metric_of(row), number(row.get("half_width"))) for row in judged]
    known = [(width, metric) for metric, width in widths if width is not None]
    trials = formatting.plural(int(number(document.get("trials")) or 0), "trial")
    wanted = number(dig(document, "asked", "precision"))
    p99 = numbers.single(estimate(dig(document, "result", "latency", "p99")).value, "duration")
    verdict = text(dig(document, "result", "verdict"))
    state = verdict if verdict in {"pass", "miss"} else "none"
    held = {"pass": "the objectives are met", "miss": "an objective is missed"}.get(
        state, f"p99 latency is {p99}"
    )
    if not known:
        return Answer(state, f"{formatting.sentence(held)}; {trials} give no interval", [])
    width, metric = max(known)
    widest = f"{metric.label} is known to \N{PLUS-MINUS SIGN}{numbers.share(width)}"
    if wanted is None:
        return Answer(state, f"{formatting.sentence(held)}; after {trials} {widest}", [])
    target = f"\N{PLUS-MINUS SIGN}{numbers.share(wanted)}"
    if width <= wanted:
        return Answer(
            state,
            f"{formatting.sentence(held)}: {trials} are enough for {target}",
            [f"The widest interval: {widest}."],
        )
    return Answer(
        state,
        f"{formatting.sentence(held)}, but {trials} are not enough for {target}",
        [f"The widest interval: {widest}."],
    )


def _sweep(document: Mapping[str, object], numbers: Numbers) -> Answer:
    points, parameters = points_of(document), parameters_of(document)
    metric = judged_metric(points)
    spread = _spread(points, parameters, metric, numbers)
    passed = sum(point.verdict == "pass" for point in points)
    missed = sum(point.verdict == "miss" for point in points)
    if not passed and not missed:
        return Answer("none", spread or f"{formatting.plural(len(points), 'point')} without data", [])
    if not missed:
        return Answer("pass", f"All {formatting.plural(len(points), 'point')} meet the objectives", [spread])
    if not passed:
        return Answer(
            "miss", f"None of {formatting.plural(len(points), 'point')} meets the objectives", [spread]
        )
    where = _where(points, parameters)
    counted = f"{passed:,} of {formatting.plural(len(points), 'point')} meet the objectives"
    return Answer("none", f"{counted}{where}", [spread])


def _where(points: Sequence[Point], parameters: Sequence[Parameter]) -> str:
    """Say on which side of a single numeric parameter the objectives are met, when it is one side."""
    if len(parameters) != 1 or not parameters[0].numeric:
        return ""
    path = parameters[0].path
    ordered = sorted(
        points, key=lambda point: point.values[path].number or 0.0 if path in point.values else 0.0
    )
    held = [point.verdict == "pass" for point in ordered]
    turns = sum(a != b for a, b in pairwise(held))
    if turns != 1:
        return ""
    edge = ordered[held.index(False) - 1] if held[0] else ordered[held.index(True)]
    return f": {parameters[0].label} of {edge.words} {'or less' if held[0] else 'or more'}"


def _spread(
    points: Sequence[Point], parameters: Sequence[Parameter], metric: Metric, numbers: Numbers
) -> str:
    known = [
        (value, point) for point in points if (value := point.figures.get(metric, NO_DATA).value) is not None
    ]
    if not known:
        return ""
    (low, at_low), (high, at_high) = min(known, key=_first), max(known, key=_first)
    least, most = numbers.single(low, metric.kind), numbers.single(high, metric.kind)
    if least == most:
        return f"{formatting.sentence(metric.label)} is {least} at all points."
    return (
        f"{formatting.sentence(metric.label)} goes from {least} ({_named(at_low, parameters)}) "
        f"to {most} ({_named(at_high, parameters)})."
    )


def _first(pair: tuple[float, Point]) -> float:
    return pair[0]


def _named(point: Point, parameters: Sequence[Parameter]) -> str:
    words = [f"{p.label} {point.values[p.path].text}" for p in parameters[:_TOLD] if p.path in point.values]
    return ", ".join([*words, *(["\N{HORIZONTAL ELLIPSIS}"] if len(parameters) > _TOLD else [])])


def _capacity(document: Mapping[str, object], numbers: Numbers) -> Answer:
    found = mapping(document.get("capacity"))
    what = label_of(document.get("scenario"), text(found.get("path")))
    if what.partition(" of ")[0].endswith("s"):  # replicas, cores, users
        what = f"number of {what}"
    largest = found.get("find") != "smallest"
    end = "largest" if largest else "smallest"
    today = value_of(found.get("today")).text if mapping(found.get("today")) else ""
    first = mapping(found.get("first_to_saturate"))
    limits = _limiting(first, numbers)
    if not mapping(found.get("answer")):
        ends = [value_of(dig(found, "range", key)).text for key in ("low", "high")]
        between = f" from {ends[0]} to {ends[1]}" if mapping(found.get("range")) else ""
        return Answer("miss", f"No {what}{between} meets the objectives", [limits])
    answer = value_of(found.get("answer")).text
    room = _room(number(found.get("headroom")), today, numbers, largest=largest)
    headline = f"{answer} is the {end} {what} that meets the objectives{room}"
    if first:
        headline += f"; the first to saturate is {_resource(first)}"
    sentences = [limits]
    if text(found.get("bounded_by")):
        side = "larger" if largest else "smaller"
        sentences.append(f"It is the end of the range that was searched: a {side} one may do as well.")
    if found.get("certain") is not True:
        sentences.append("Not certain: beside the answer, an interval still reaches across its limit.")
    if found.get("monotone") is False:
        sentences.append("Not every value below the answer keeps what it keeps: look at all that were tried.")
    return Answer("pass", headline, sentences)


def _room(share: float | None, today: str, numbers: Numbers, *, largest: bool) -> str:
    if share is None or not today:
        return ""
    if share == 0:
        return f": today's {today} is just that"
    if largest:
        return f": {numbers.share(abs(share))} {'above' if share > 0 else 'below'} today's {today}"
    more = f"{numbers.share(abs(share))} {'more than' if share > 0 else 'less than'} needed"
    return f": today's {today} is {more}"


def _resource(first: Mapping[str, object]) -> str:
    return f"{text(first.get('server'))}'s {resources.resource_words(text(first.get('resource')))}"


def _limiting(first: Mapping[str, object], numbers: Numbers) -> str:
    if not first:
        return ""
    use = numbers.single(number(first.get("utilisation")), "ratio")
    at = value_of(first.get("at")).text
    return f"At {at}, where objectives are missed first, {_resource(first)} is {use} in use."


def _compare(document: Mapping[str, object], numbers: Numbers) -> Answer:
    found = mapping(document.get("comparison"))
    metrics = rows(found.get("metrics"))
    judged = judged_metric(points_of(document))
    row = next((row for row in metrics if metric_of(row)[:2] == judged[:2]), None) or next(iter(metrics), {})
    names = other_names(document)
    moved = sum(beyond_chance(one) for one in metrics)
    counted = (
        f"{moved:,} of {formatting.plural(len(metrics), 'metric')} differ beyond chance." if metrics else ""
    )
    metric, share = metric_of(row), number(row.get("relative_difference"))
    sentences = [words for words in (counted, _saved(found, row, metric)) if words]
    a, b = (estimate(row.get(key)).value for key in ("a", "b"))
    if a is None or b is None:
        return Answer("none", f"There is nothing to compare {names[1]} with {names[0]} by", [counted])
    values = f"{numbers.single(b, metric.kind)} instead of {numbers.single(a, metric.kind)}"
    if not beyond_chance(row):
        return Answer(
            "none", f"With {names[1]}, {metric.label} does not differ beyond chance: {values}", sentences
        )
    change = (
        "differs" if share is None else f"is {numbers.share(abs(share))} {'lower' if share < 0 else 'higher'}"
    )
    return Answer("none", f"With {names[1]}, {metric.label} {change}: {values}", sentences)


def _saved(found: Mapping[str, object], row: Mapping[str, object], metric: Metric) -> str:
    """Say what pairing saved, where it saved anything."""
    more, pairs = number(row.get("unpaired_trials")), number(found.get("pairs"))
    if not more or not pairs or more <= 0:
        return ""
    return (
        f"Trials in pairs met the same requests: without that, {metric.label} would have taken"
        f" {pairs + more:,.0f} trials of each, not {pairs:,.0f}."
    )


def other_names(document: Mapping[str, object]) -> tuple[str, str]:
    """Return what to call the two scenarios of a comparison: what was changed when it is one thing."""
    found = mapping(document.get("comparison"))
    changed = [
        row
        for row in rows(found.get("scenario_differences"))
        if not text(row.get("path")).startswith("metadata")
    ]
    if len(changed) == 1 and all(isinstance(changed[0].get(key), str | int | float) for key in ("a", "b")):
        leaf = label_of(document.get("scenario"), text(changed[0].get("path"))).partition(" of ")[0]
        a, b = (f"{leaf} {text(str(changed[0].get(key)))}" for key in ("a", "b"))
        return a, b
    a, b = (text(dig(found, key, "name")) for key in ("a", "b"))
    return (a, b) if a and b and a != b else ("the first scenario", "the second scenario")


def beyond_chance(row: Mapping[str, object]) -> bool:
    """Tell whether a difference is significant over all metrics together, where the document knows that."""
    overall = row.get("significant_overall")
    return (row.get("significant") if overall is None else overall) is True


def _sensitivity(document: Mapping[str, object], numbers: Numbers) -> Answer:
    found = mapping(document.get("sensitivity"))
    metric = metric_of(found)
    ranked = rows(found.get("parameters"))
    if not ranked:
        return Answer("none", f"Nothing moves {metric.label}", [])
    scenario = document.get("scenario")
    names = [label_of(scenario, text(row.get("path"))) for row in ranked]
    headline = f"{formatting.sentence(names[0])} moves {metric.label} most"
    if len(names) > 1:
        headline += f", then {formatting.listing(names[1:_TOLD])}"
    ends = [estimate(dig(ranked[0], "tornado", end)).value for end in ("low", "high")]
    if None in ends:
        return Answer("none", headline, [])
    shown = [numbers.single(end, metric.kind) for end in ends]
    values = [_end(ranked[0].get(end)) for end in ("low", "high")]
    base = numbers.single(estimate(found.get("base")).value, metric.kind)
    reach = f"Alone it takes it from {shown[0]} (at {values[0]}) to {shown[1]} (at {values[1]})"
    return Answer("none", headline, [f"{reach}; as things are it is {base}."])


def _end(value: object) -> str:
    return value if isinstance(value, str) else value_of(value).text
