"""The largest load, or the smallest resource, with which objectives are met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headroom_analysis.domain.bisection import Terrain, find_limit
from headroom_analysis.domain.intervals import Figure
from headroom_analysis.domain.precision import doubt, trials_for
from headroom_analysis.experiments.document import value_document
from headroom_analysis.report.resources import ranked
from headroom_common.experiments.capacity import search_of

if TYPE_CHECKING:
    from headroom_analysis.domain.bisection import Limit
    from headroom_analysis.experiments.batches import Procedure
    from headroom_analysis.experiments.points import Lab, Point
    from headroom_common.experiments.capacity import Search
    from headroom_common.experiments.model import Capacity


@dataclass(frozen=True, slots=True)
class _Step:
    """One point of the search and what was found there."""

    number: float
    point: Point
    met: bool
    certain: bool


class _Walk:
    """The points of a search, each simulated once."""

    def __init__(self, lab: Lab, search: Search) -> None:
        self._lab = lab
        self._search = search
        self.steps: dict[float, _Step] = {}

    def look(self, *numbers: float, resample: bool = True) -> Procedure[None]:
        """Judge numbers that are not yet known, with more trials where the verdict is uncertain."""
        points = {number: self._point(number) for number in numbers if number not in self.steps}
        yield from self._lab.simulate(list(points.values()))
        for number, point in points.items():
            if resample:
                yield from self._resample(point)
            self.steps[number] = _Step(number, point, point.result()["verdict"] == "pass", is_certain(point))

    def _point(self, number: float) -> Point:
        return self._lab.point({self._search.path: self._search.text(number)}, self._search.scenario)

    def _resample(self, point: Point) -> Procedure[None]:
        most = self._lab.experiment.most_trials
        while not is_certain(point) and (
            (trials := trials_for(point.trials, _doubt_about(point), most)) > point.trials
        ):
            yield from self._lab.grow({point: trials})


def capacity(lab: Lab, plan: Capacity) -> Procedure[dict[str, Any]]:
    """Search where the verdict turns.

    Raises:
        ScenarioError: the search does not fit the scenario, see `search_of`; or a point is not valid.
    """
    search = search_of(lab.experiment.scenario, plan)
    low, high = search.range.low.number, search.range.high.number
    easy, hard = (low, high) if search.find == "largest" else (high, low)
    terrain = Terrain(easy, hard, search.range.whole, plan.tolerance)
    walk = _Walk(lab, search)
    bisection = find_limit(terrain, search.start)
    number = next(bisection)
    while True:
        yield from walk.look(number)
        try:
            number = bisection.send(walk.steps[number].met)
        except StopIteration as end:
            limit: Limit = end.value
            break
    yield from walk.look(*terrain.beside(limit, walk.steps), resample=False)
    return {"capacity": _document(search, plan, limit, walk.steps, monotone=_monotone(terrain, walk.steps))}


def is_certain(point: Point) -> bool:
    """Tell whether the intervals settle a point's verdict: one certain miss, or all objectives certain."""
    judged = point.result()["objectives"]
    return any(one["certain"] and not one["met"] for one in judged) or all(one["certain"] for one in judged)


def _doubt_about(point: Point) -> float:
    return max(
        doubt(Figure(**one["value"]), one["threshold"])
        for one in point.result()["objectives"]
        if not one["certain"]
    )


def _monotone(terrain: Terrain, steps: dict[float, _Step]) -> bool:
    """Tell whether no certain miss is easier than a certain pass."""
    sign = 1 if terrain.hard > terrain.easy else -1
    met = [sign * step.number for step in steps.values() if step.met and step.certain]
    missed = [sign * step.number for step in steps.values() if not step.met and step.certain]
    return not met or not missed or max(met) < min(missed)


def _document(
    search: Search, plan: Capacity, limit: Limit, steps: dict[float, _Step], *, monotone: bool
) -> dict[str, Any]:
    def value(number: float | None) -> dict[str, Any] | None:
        return None if number is None else value_document(search.path, search.text(number))

    ends = [steps[number] for number in (limit.met, limit.missed) if number is not None]
    return {
        "path": search.path,
        "find": search.find,
        "find_by": "name" if plan.find is None else "asked",
        "objectives": search.objectives,
        "unit": search.range.low.unit,
        "range": {"low": value(search.range.low.number), "high": value(search.range.high.number)},
        "today": value(search.today),
        "answer": value(limit.met),
        "certain": all(step.certain for step in ends),
        "next": value(limit.missed),
        "headroom": _headroom(search, limit.met),
        "bounded_by": "search range" if limit.missed is None else None,
        "monotone": monotone,
        "first_to_saturate": None if limit.missed is None else _first(search, steps[limit.missed]),
        "steps": [
            {
                "point": step.point.index,
                "value": value(step.number),
                "verdict": "pass" if step.met else "miss",
                "certain": step.certain,
                "trials": step.point.trials,
            }
            for step in steps.values()
        ],
    }


def _headroom(search: Search, answer: float | None) -> float | None:
    """Return what is left today: the share by which the load may grow, or the resource exceeds the need."""
    if not answer or not search.today:
        return None
    return answer / search.today - 1 if search.find == "largest" else search.today / answer - 1


def _first(search: Search, step: _Step) -> dict[str, Any]:
    """Return what limits where objectives are missed first: of a saturated server, else what is used most."""
    first = ranked(step.point.result())[0]
    return {
        "server": first.server,
        "resource": first.kind,
        "utilisation": first.use,
        "at": value_document(search.path, search.text(step.number)),
    }
