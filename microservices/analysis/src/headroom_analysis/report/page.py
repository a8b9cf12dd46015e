"""The page: sections, plots and style sheet put together by one template."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from headroom_analysis.report import causes, fleet, formatting, overview, source, traffic, verdict
from headroom_analysis.report.plots.canvas import Sheet
from headroom_analysis.report.values import dig, number, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE = "headroom_analysis.report"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plural"] = formatting.plural
    return environment


def _policy(styles: str) -> str:
    """Return the content security policy: nothing may load or run, only the page's own styles apply."""
    digest = base64.b64encode(hashlib.sha256(styles.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def written(template: str, sheet: Sheet, **parts: object) -> str:
    """Return a page.

    Args:
        template: Its name.
        sheet: Styles of all plots on it.
        parts: What the template shows.
    """
    environment = _environment()
    fixed, _, _ = (
        environment.loader.get_source(environment, "report.css") if environment.loader else ("", None, None)
    )
    styles = f"{fixed}{sheet}\n"
    return environment.get_template(template).render(styles=styles, policy=_policy(styles), **parts)


def render_page(result: Mapping[str, object]) -> str:
    """Render a result document; see :func:`headroom_analysis.report.render_html`."""
    sheet = Sheet()
    return written(
        "report.html.j2",
        sheet,
        name=text(result.get("name")) or text(dig(result, "scenario", "metadata", "name"), "Scenario"),
        description=text(dig(result, "scenario", "metadata", "description")),
        partial=overview.partial(result),
        facts=overview.facts(result),
        verdict=verdict.verdict_of(result),
        tail=causes.tail_sentence(result),
        run=sections_of(result, sheet),
        source=source.source(result),
        identity=source.identity(result),
        notes=source.notes(result),
    )


def sections_of(result: Mapping[str, object], sheet: Sheet) -> dict[str, object]:
    """Return what a page shows of one run, from its key figures to its links.

    Args:
        result: The result document.
        sheet: The page's plot styles.
    """
    frame, faults = traffic.frame_of(result)
    trials = whole(result.get("trials"), 1)
    return {
        "level": formatting.trimmed(100.0 * (number(result.get("confidence")) or 0.95)) if trials > 1 else "",
        "cards": overview.cards(result),
        "objectives": overview.objectives(result),
        "latency": overview.latency_table(result),
        "distribution": overview.distribution(result, sheet),
        "by_group": overview.traffic_table(result),
        "outcomes": overview.outcomes(result),
        "traffic": traffic.traffic(result, sheet, frame, faults),
        "anatomy": causes.anatomy(result, sheet),
        "fleet": fleet.fleet(result, sheet, frame),
        "links": fleet.links(result, sheet, frame),
    }
