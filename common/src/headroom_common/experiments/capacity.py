"""What a capacity search looks for: checked before anything runs, and the same wherever it is driven."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NoReturn

from headroom_common.experiments.model import Capacity
from headroom_common.scenario import Scenario
from headroom_common.scenario.base import describe
from headroom_common.scenario.loading import with_values
from headroom_common.scenario.overrides import parse_override, value_at
from headroom_common.scenario.problems import Problem, ScenarioError
from headroom_common.scenario.units import parse_duration, parse_memory, parse_rate, parse_ratio
from headroom_common.scenario.variations import Amount, Range, amount_of, parse_place

Find = Literal["largest", "smallest"]

DOUBLINGS: Final = 10
"""Without a range the search goes so many times to the double, or to the half, of today's value."""

_SOURCE: Final = "the experiment"
_UNITS: Final[tuple[tuple[Callable[[object], float], int], ...]] = (
    (parse_rate, 1),
    (parse_duration, 1),
    (parse_memory, 1024),  # it rounds up to whole KiB
    (parse_ratio, 1),
)
_MORE_IS_EASIER: Final = frozenset(
    {"replicas", "cores", "memory", "size", "queue_limit", "concurrency_limit", "burst"}
)
_MORE_IS_HARDER: Final = frozenset(
    {"rate", "rate_per_user", "users", "cpu", "io", "delay", "loss", "mean", "sd", "value", "low", "high"}
    | {"scale", "minimum"}
)


@dataclass(frozen=True, slots=True)
class Search:
    """A capacity search.

    Attributes:
        path: what varies.
        find: which end of the values that meet the objectives.
        range: the values to search.
        start: where to look first: today's value without a range, else None.
        today: the value in the scenario, in the range's unit; None when it is no number of that unit.
        scenario: canonical, with the objectives to meet.
    """

    path: str
    find: Find
    range: Range
    start: float | None
    today: float | None
    scenario: dict[str, Any]

    @property
    def objectives(self) -> list[str]:
        """What has to be met, as sentences."""
        return list(self.scenario["spec"]["objectives"])

    def text(self, number: float) -> str:
        """Return a value as overrides take it."""
        return Amount(number, self.range.low.unit, whole=self.range.whole).text(number)


def search_of(scenario: dict[str, Any], plan: Capacity) -> Search:
    """Return what a plan looks for in a scenario.

    Args:
        scenario: canonical.
        plan: the plan.

    Raises:
        ScenarioError: there are no objectives, the place leads nowhere, its value is no number, an end of the
            range is no value for it, or which end to find cannot be told by its name.
    """
    path, limits = parse_place(plan.vary)
    base = _with_objectives(scenario, plan)
    value = value_at(base, path)
    amount = None if isinstance(value, bool | dict | list) else amount_of(str(value))
    if limits is not None:
        for end in (limits.low, limits.high):
            with_values(base, {path: end.text(end.number)})
        find = plan.find or _direction(path)
        return Search(path, find, limits, None, _in_unit(amount, limits.low.unit), base)
    if amount is None or amount.number == 0:
        hint = f"say where to look, as in {path}=LOW..HIGH"
        _refuse("plan.vary", "a place with a number above 0", describe(value), hint)
    find = plan.find or _direction(path)
    return Search(path, find, _around(base, path, amount), amount.number, amount.number, base)


def _with_objectives(scenario: dict[str, Any], plan: Capacity) -> dict[str, Any]:
    """Return the scenario with the plan's objectives in place of its own.

    Raises:
        ScenarioError: neither has any, or an objective speaks of what the scenario does not have.
    """
    texts = [objective.text for objective in plan.objectives] or scenario["spec"].get("objectives")
    if not texts:
        hint = "name one, such as 'latency.p99 below 250ms'"
        _refuse("plan.objectives", "an objective here or in the scenario's spec.objectives", "none", hint)
    spec = scenario["spec"] | {"objectives": texts}
    return Scenario.from_dict(scenario | {"spec": spec}).canonical()


def _direction(path: str) -> Find:
    """Return which end is the limit, by the name of what varies: the largest load, the smallest resource.

    Raises:
        ScenarioError: the name does not tell.
    """
    keys = [part for part in parse_override(f"{path}=0").parts if not part.startswith("[")]
    if "think_time" in keys or "rate_limit" in keys:
        return "smallest"
    if "endpoints" in keys and keys[-1] == "memory":  # a working set
        return "largest"
    if keys[-1] in _MORE_IS_EASIER:
        return "smallest"
    if keys[-1] not in _MORE_IS_HARDER:
        _refuse("plan.find", f"'largest' or 'smallest', which the name of {path} does not tell", "nothing")
    return "largest"


def _around(base: dict[str, Any], path: str, today: Amount) -> Range:
    """Return the values to search around today's, as far as the scenario takes them."""
    return Range(_furthest(base, path, today, 0.5), _furthest(base, path, today, 2.0), "linear", None)


def _furthest(base: dict[str, Any], path: str, today: Amount, factor: float) -> Amount:
    """Return today's value times a power of the factor, the largest power that the scenario takes."""
    for power in range(DOUBLINGS, 0, -1):
        number = today.number * factor**power
        if today.whole and not today.unit:
            number = float(max(1, math.floor(number)))
        try:
            with_values(base, {path: today.text(number)})
        except ScenarioError:  # beyond what the field takes, or what goes with the rest
            continue
        return replace(today, number=number)
    return today


def _in_unit(amount: Amount | None, unit: str) -> float | None:
    """Return an amount's number in another unit, None when they do not go together."""
    if amount is None or amount.unit == unit:
        return None if amount is None else amount.number
    for parse, scale in _UNITS:
        try:
            one = parse(f"{scale}{unit}") / scale
            return parse(f"{amount.number!r}{amount.unit}") / one
        except ValueError:  # not of this kind
            continue
    return None


def _refuse(path: str, expected: str, found: str, hint: str = "") -> NoReturn:
    raise ScenarioError([Problem(path, None, None, expected, found, hint)], _SOURCE)
