"""Two scenarios on the same random numbers, trial by trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headroom_analysis.domain.anatomy_contrast import anatomy_contrast
from headroom_analysis.domain.comparison import ComparedRun, comparison_document
from headroom_analysis.domain.intervals import Figure
from headroom_analysis.domain.measures import Measure, MeasureError
from headroom_analysis.domain.two_samples import difference_of
from headroom_common.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headroom_analysis.experiments.batches import Procedure
    from headroom_analysis.experiments.points import Lab, Point
    from headroom_common.experiments.model import Compare


def compare(lab: Lab, plan: Compare) -> Procedure[dict[str, Any]]:
    """Simulate both scenarios, with as many trials as the precision of their differences needs.

    Raises:
        ScenarioError: the other scenario is not valid.
    """
    a, b = lab.point({}), lab.point({}, Scenario.from_dict(plan.other).canonical())
    confidence = lab.experiment.confidence

    def differences() -> Iterator[Figure]:
        for measure in _judged(a, b):
            base = a.judged_figure(measure).value
            half = difference_of(a.measured(measure), b.measured(measure)).figure(confidence).half_width
            if base is not None and half is not None:
                yield Figure(base, base - half, base + half)  # a's value is what the half width is related to

    yield from lab.simulate([a, b], judged=lambda _: differences(), same_window=True)
    runs = _run(a), _run(b)
    return {"comparison": comparison_document(*runs), "anatomy": anatomy_contrast(*runs)}


def _judged(a: Point, b: Point) -> list[Measure]:
    """Return what the first scenario's precision is about, as far as the second one has it too."""
    return [measure for measure in a.judged if _has(b, measure)]


def _has(point: Point, measure: Measure) -> bool:
    try:
        point.measured(measure)
    except MeasureError:
        return False
    return True


def _run(point: Point) -> ComparedRun:
    return ComparedRun(None, point.facts, point.layout, point.summaries(), point.result()["verdict"])
