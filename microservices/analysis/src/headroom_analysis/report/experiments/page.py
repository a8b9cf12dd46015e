"""The page of an experiment: the answer, what it rests on, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_analysis.report import formatting, page, source
from headroom_analysis.report.experiments.answers import answer_of
from headroom_analysis.report.experiments.capacities import capacity
from headroom_analysis.report.experiments.certainty import certainty
from headroom_analysis.report.experiments.comparisons import compare
from headroom_analysis.report.experiments.reading import points_of
from headroom_analysis.report.experiments.replications import replicate
from headroom_analysis.report.experiments.sensitivities import sensitivity
from headroom_analysis.report.experiments.sweeps import sweep
from headroom_analysis.report.plots.canvas import Sheet
from headroom_analysis.report.plots.plot import on_page
from headroom_analysis.report.values import dig, mapping, number, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headroom_analysis.report.experiments.tables import Section

_SECTIONS: dict[str, Callable[[Mapping[str, object]], list[Section]]] = {
    "replicate": replicate,
    "sweep": sweep,
    "capacity": capacity,
    "compare": compare,
    "sensitivity": sensitivity,
}
_TITLES = {
    "replicate": "replications",
    "sweep": "sweep",
    "capacity": "capacity search",
    "compare": "comparison",
    "sensitivity": "sensitivity analysis",
}
_FIGURES = (
    "Every figure of a point is the mean over its trials with different random numbers; small print under it "
    "is the {level}% Student-t interval of that mean."
)
_ONE = "Points of one trial have no intervals."
_SAME = "The same scenario, question, seed and engine version give the same page, byte for byte."


def sections_of(document: Mapping[str, object]) -> list[Section]:
    """Return the sections of the document's kind, the main one first."""
    build = _SECTIONS.get(text(document.get("kind")))
    return build(document) if build else []


def render_page(document: Mapping[str, object]) -> str:
    """Render an experiment's document; see :func:`headroom_analysis.report.experiments.render_html`."""
    sheet = Sheet()
    points = points_of(document)
    sections = sections_of(document)
    drawn = {plot.name: on_page(sheet, plot) for section in sections for plot in section.plots}
    result = mapping(document.get("result"))
    kind = text(document.get("kind"))
    return page.written(
        "experiment.html.j2",
        sheet,
        name=text(document.get("name")) or text(dig(document, "scenario", "metadata", "name"), "Scenario"),
        description=text(dig(document, "scenario", "metadata", "description")),
        title=_TITLES.get(kind, "experiment"),
        answer=answer_of(document),
        facts=_facts(document, len(points)),
        sections=sections,
        certainty=certainty(document, points),
        drawn=drawn,
        run=page.sections_of(result, sheet) if result else None,
        source=source.source(document),
        identity=_identity(document),
        notes=_notes(document),
    )


def _facts(document: Mapping[str, object], points: int) -> list[str]:
    requests = number(dig(document, "requests"))
    found = [
        formatting.plural(points, "point") if points > 1 else "",
        formatting.plural(whole(document.get("trials"), 1), "trial"),
        formatting.plural(int(requests), "request") if requests is not None else "",
        f"seed {document['seed']}" if isinstance(document.get("seed"), int) else "",
    ]
    return [fact for fact in found if fact]


def _identity(document: Mapping[str, object]) -> list[tuple[str, str]]:
    asked = mapping(document.get("asked"))
    precision = number(asked.get("precision"))
    found = [
        ("Scenario hash", text(document.get("scenario_hash"))),
        ("Kind", text(document.get("kind"))),
        ("Seed", str(document["seed"]) if isinstance(document.get("seed"), int) else ""),
        ("Trials asked for", f"{whole(asked.get('trials'), 1):,}"),
        ("Precision asked for", formatting.percent(precision) if precision is not None else ""),
        ("Warm-up by", {"auto": "MSER-5", "scenario": "the scenario"}.get(text(asked.get("warm_up")), "")),
        ("Engine", text(document.get("engine_version"))),
        ("Format", text(document.get("format"))),
    ]
    return [(name, value) for name, value in found if value]


def _notes(document: Mapping[str, object]) -> list[str]:
    level = formatting.trimmed(100.0 * (number(document.get("confidence")) or 0.95))
    one = any(point.trials <= 1 for point in points_of(document))
    found = [_FIGURES.format(level=level), _ONE if one else ""]
    found += [source.LATENCY, _SAME]
    return [note for note in found if note]
