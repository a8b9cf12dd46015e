"""Which parameters move a metric most: Morris' elementary effects, Sobol's indices, and a tornado."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_analysis.domain.measures import Measure, MeasureError
from headroom_analysis.experiments import indices
from headroom_analysis.experiments.document import value_document
from headroom_common.errors import PermanentError
from headroom_common.experiments.model import variations_of
from headroom_common.scenario.objectives import parse_measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from headroom_analysis.domain.intervals import Figure
    from headroom_analysis.experiments.batches import Procedure
    from headroom_analysis.experiments.points import Lab, Point
    from headroom_common.experiments.model import Sensitivity
    from headroom_common.scenario.variations import Variation


def sensitivity(lab: Lab, plan: Sensitivity) -> Procedure[dict[str, Any]]:
    """Simulate the points of a design, the scenario itself, and both ends of each range by itself.

    Raises:
        ScenarioError: a point is not valid.
        PermanentError: the scenario has no such metric, or it has no data at a point.
    """
    variations, asked = variations_of(plan.vary), lab.experiment
    measured = parse_measured(plan.metric)
    measure = Measure(measured.metric, measured.kind, measured.name)
    lab.measures = (measure,)
    method = indices.METHODS[plan.method]
    design = method.design(len(variations), plan.size, asked.seed)
    points = _Points(lab)
    base = points.at({})
    ends = [[points.at({one.path: one.at(share)}) for share in (0.0, 1.0)] for one in variations]
    rows = [points.at(_values(variations, shares)) for shares in design]
    yield from lab.simulate(lab.points, judged=lambda point: [point.judged_figure(measure)])
    outputs = np.array([_value(point, measure) for point in rows])
    found = method.found(design, outputs, asked.confidence, asked.seed)
    parameters = [
        {
            "path": one.path,
            "low": value_document(one.path, one.at(0.0)),
            "high": value_document(one.path, one.at(1.0)),
            **figures,
            "tornado": {
                end: _figure(point, measure).document()
                for end, point in zip(("low", "high"), both, strict=True)
            },
        }
        for one, figures, both in zip(variations, found, ends, strict=True)
    ]
    parameters.sort(key=lambda one: -(one[method.rank]["value"] or 0.0))
    return {
        "sensitivity": {
            "metric": measure.metric,
            "scope": measure.scope,
            "unit": measure.unit,
            "method": plan.method,
            "samples": plan.size,
            "base": _figure(base, measure).document(),
            "parameters": [{"rank": rank, **one} for rank, one in enumerate(parameters, start=1)],
        }
    }


class _Points:
    """Points by their values: equal ones, which rounding makes, are simulated once."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._known: dict[tuple[tuple[str, str], ...], Point] = {}

    def at(self, values: dict[str, str]) -> Point:
        key = tuple(values.items())
        if key not in self._known:
            self._known[key] = self._lab.point(values)
        return self._known[key]


def _values(variations: list[Variation], shares: NDArray[np.float64]) -> dict[str, str]:
    return {one.path: one.at(float(share)) for one, share in zip(variations, shares, strict=True)}


def _figure(point: Point, measure: Measure) -> Figure:
    try:
        return point.figure(measure)
    except MeasureError as error:
        next_step = "Name a metric that every point of the ranges has."
        raise PermanentError(str(error), next_step=next_step) from error


def _value(point: Point, measure: Measure) -> float:
    value = _figure(point, measure).value
    if value is None:
        where = ", ".join(f"{path}={text}" for path, text in point.values.items())
        message = f"{measure.text}: expected data at every point, found none at {where}"
        next_step = "Narrow the ranges to where requests are answered, or look at error_ratio instead."
        raise PermanentError(message, next_step=next_step)
    return value
