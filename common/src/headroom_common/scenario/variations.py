"""Variations such as `spec.servers[0].replicas=2..10`: a place in a scenario and the values that it takes."""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from headroom_common.scenario.base import refuse

MOST_VALUES: Final = 1_000
"""Most values of one variation."""

_FEWEST_OF_A_RANGE: Final = 2
_DIGITS: Final = 6
_EXPECTED: Final = "PATH=VALUES such as spec.servers[0].replicas=2..10 or spec.workloads[0].rate=100/s,200/s"
_EXPECTED_PLACE: Final = "PATH or PATH=LOW..HIGH such as spec.servers[0].replicas=1..20"
_AMOUNT: Final = re.compile(
    r"^(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?)\s*(?P<unit>[^0-9\s.,:\[\]{}][^\s,:\[\]{}]*)?$"
)
_RANGE: Final = re.compile(
    r"^(?P<low>[^:]+?)\s*\.\.\s*(?P<high>[^:]+?)(?:\s*:\s*(?P<scale>log)?(?P<count>[0-9]{1,4})?)?$"
)

Scale = Literal["linear", "log"]


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit.

    Attributes:
        number: the number.
        unit: as written behind it, such as `/s` or `ms`; empty without one.
        whole: whether it was written as a whole number.
    """

    number: float
    unit: str
    whole: bool

    def text(self, number: float) -> str:
        """Return another number with this unit, as overrides take it."""
        return f"{round(number) if self.whole and not self.unit else _plain(number)}{self.unit}"


@dataclass(frozen=True, slots=True)
class Range:
    """All values between two ends.

    Attributes:
        low: the smaller end.
        high: the larger end, of the same unit.
        scale: whether values are spread evenly, or evenly in their logarithms.
        count: how many values a matrix takes; None takes every whole number.
    """

    low: Amount
    high: Amount
    scale: Scale
    count: int | None

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers alone."""
        return self.low.whole and self.high.whole and not self.low.unit

    def at(self, share: float) -> str:
        """Return the value at a share of the way from the lower end to the higher one."""
        low, high = self.low.number, self.high.number
        if self.whole and self.scale == "linear":  # every number gets an equal part of the way
            return str(int(min(low + math.floor(share * (high - low + 1)), high)))
        amount = Amount(low, self.low.unit, whole=self.whole)
        if self.scale == "log":
            return amount.text(low * (high / low) ** share)
        return amount.text(low + (high - low) * share)


@dataclass(frozen=True, slots=True)
class Variation:
    """A place in a scenario and the values that it takes.

    Attributes:
        path: as of an override.
        values: what a matrix takes, as overrides take it, in the order given and each once.
        range: the ends, when it is a range.
    """

    path: str
    values: tuple[str, ...]
    range: Range | None = None

    def at(self, share: float) -> str:
        """Return the value at a share, from 0 to 1, of the way through all values."""
        if self.range is not None:
            return self.range.at(share)
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]

    def override(self, value: str) -> str:
        """Return the override that sets a value."""
        return f"{self.path}={value}"


def amount_of(text: str) -> Amount | None:
    """Return the number and unit of a text, None when it is neither a number nor one with a unit."""
    match = _AMOUNT.match(text.strip())
    if match is None:
        return None
    return Amount(float(match["number"]), match["unit"] or "", whole=match["number"].isdecimal())


def _checked(text: str) -> str:
    parse_variation(text)
    return text


VariationText = Annotated[str, Field(min_length=3, max_length=65_536), AfterValidator(_checked)]
"""A variation such as `spec.servers[0].replicas=2..10`."""


def parse_variation(text: str) -> Variation:
    """Read `PATH=VALUES`.

    VALUES is a list such as `1,2,4`, a range `LOW..HIGH` of whole numbers, or a range of anything with a
    count of values behind a colon: `10ms..50ms:5`, or spread evenly in the logarithm: `1..100:log5`.

    Raises:
        ValueError: the text is none; it says what was expected and what was found.
    """
    path, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not path or not values:
        refuse(_EXPECTED, text)
    _check_path(path)
    match = _RANGE.match(values)
    if match is None:
        found = tuple(
            dict.fromkeys(part.strip() for part in values.removeprefix("[").removesuffix("]").split(","))
        )
        if not all(found):
            refuse(f"{path}: values between commas", values)
        return Variation(path, _bounded(path, found))
    limits = _range(path, match)
    return Variation(path, _bounded(path, _values(path, limits)), limits)


def parse_place(text: str) -> tuple[str, Range | None]:
    """Read `PATH` or `PATH=LOW..HIGH`: a place, and the range of its values to search.

    Raises:
        ValueError: the text is neither; it says what was expected and what was found.
    """
    path, equals, values = (part.strip() for part in text.partition("="))
    if not equals:
        _check_path(path)
        return path, None
    if not path or not values:
        refuse(_EXPECTED_PLACE, text)
    _check_path(path)
    match = _RANGE.match(values)
    if match is None:
        refuse(f"{path}: a range to search, such as 1..20 or 50/s..400/s", values)
    if ":" in values:
        refuse(f"{path}: a range without a count of values, for the search chooses where it looks", values)
    return path, _range(path, match)


def _check_path(path: str) -> None:
    # Overrides know the scenario's schema, which knows variations.
    from headroom_common.scenario.overrides import parse_override  # noqa: PLC0415 - see above
    from headroom_common.scenario.problems import ScenarioError  # noqa: PLC0415 - see above

    try:
        parse_override(f"{path}=1")
    except ScenarioError:
        refuse(_EXPECTED, path)


def _range(path: str, match: re.Match[str]) -> Range:
    """Return the range that was matched.

    Raises:
        ValueError: an end is no amount, the ends do not go together, or the count is too small.
    """
    low, high = amount_of(match["low"]), amount_of(match["high"])
    if low is None or high is None:
        refuse(f"{path}: two numbers with the same unit, such as 2..10 or 50/s..200/s:4", match[0])
    if low.unit != high.unit:
        refuse(f"{path}: both ends in the same unit", f"{match['low']} and {match['high']}", text=True)
    if not low.number < high.number:
        refuse(f"{path}: a lower end below the higher one", match[0])
    scale: Scale = "log" if match["scale"] else "linear"
    if scale == "log" and low.number == 0:
        refuse(f"{path}: a lower end above 0 for a logarithmic range", match[0])
    count = int(match["count"]) if match["count"] else None
    if count is not None and count < _FEWEST_OF_A_RANGE:
        refuse(f"{path}: at least 2 values", match[0])
    return Range(low, high, scale, count)


def _values(path: str, limits: Range) -> tuple[str, ...]:
    """Return what a matrix takes of a range; of one without a count and of fractions the two ends alone."""
    if limits.count is None:
        if limits.whole and limits.scale == "linear":
            low, high = int(limits.low.number), int(limits.high.number)
            if high - low >= MOST_VALUES:
                refuse(f"{path}: at most {MOST_VALUES} values", f"{high - low + 1} of them", text=True)
            return tuple(map(str, range(low, high + 1)))
        return limits.at(0.0), limits.at(1.0)
    steps = limits.count - 1
    amount = Amount(limits.low.number, limits.low.unit, whole=limits.whole)
    start, end = limits.low.number, limits.high.number
    if limits.scale == "log":
        numbers = [start * (end / start) ** (step / steps) for step in range(limits.count)]
    else:
        numbers = [start + (end - start) * step / steps for step in range(limits.count)]
    return tuple(dict.fromkeys(amount.text(number) for number in numbers))


def _bounded(path: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > MOST_VALUES:
        refuse(f"{path}: at most {MOST_VALUES} values", f"{len(values)} of them", text=True)
    return values


def _plain(number: float) -> str:
    """Return a number in six significant digits, without an exponent and without trailing zeros."""
    digits = max(0, _DIGITS - 1 - math.floor(math.log10(abs(number)))) if number else 0
    text = f"{round(number, digits):.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
