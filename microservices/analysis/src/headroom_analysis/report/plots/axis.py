"""The axes of the plots of experiments: what was measured, what was chosen, and relative changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

LETTER: Final = 6.4
"""Width of a letter, in the plot's own units."""

LARGE_LETTER: Final = 7.8
"""Width of a letter on a narrow screen, where words are larger."""

_WIDE_APART = 10.0
"""A linear axis cannot show times that differ by more than this factor."""

_FAR = 30.0
"""Nor values that were chosen, by this one."""

_MANY_TICKS = 12
_OVERSHOOT = 1.5


class Axis(NamedTuple):
    """One of the two axes: its ends, whether it is logarithmic, and its ticks.

    Attributes:
        low, high: The ends.
        positions, labels: Of the ticks.
        log: Whether it is logarithmic.
    """

    low: float
    high: float
    positions: Sequence[float]
    labels: Sequence[str]
    log: bool = False


def measured(values: Sequence[float | None], kind: str, most: int = 5) -> Axis:
    """Return the axis of something that was measured: from zero, or logarithmic where values are far apart.

    Args:
        values: All that the axis has to show; None is nothing.
        kind: A key of :data:`headroom_analysis.report.formatting.SCALES`.
        most: About so many ticks.
    """
    known = [value for value in values if value is not None]
    highest = max(known, default=0.0)
    lowest = min((value for value in known if value > 0.0), default=0.0)
    if kind == "duration" and lowest and min(known) > 0.0 and highest > _WIDE_APART * lowest:
        low, high = lowest / 1.15, highest * 1.15
        return Axis(low, high, *ticks.log(low, high, kind, most + 2), log=True)
    return linear(known, kind, most)


def linear(values: Sequence[float | None], kind: str, most: int = 5) -> Axis:
    """Return the axis of something that was measured, from zero."""
    highest = max((value for value in values if value is not None), default=0.0)
    if kind == "ratio" and highest < _OVERSHOOT:
        highest = min(highest, 1.0)  # an interval may reach beyond what a share can be
    positions, labels = ticks.linear(highest or 1.0, kind, most)
    return Axis(0.0, max(highest * 1.02, positions[-1]), positions, labels)


def around(values: Sequence[float | None], kind: str, most: int = 5) -> Axis:
    """Return the axis of what is compared with a base, not with nothing: it need not start at zero."""
    known = [value for value in values if value is not None] or [0.0]
    scale = formatting.SCALES[kind](known)
    low, high = min(known) * scale.factor, max(known) * scale.factor
    positions = ticks.between(low, high if high > low else low + 1.0, most)
    labels = [formatting.trimmed(position) for position in positions]
    labels[-1] = formatting.with_unit(labels[-1], scale.unit)
    shown = [position / scale.factor for position in positions]
    return Axis(min(shown[0], *known), max(shown[-1], *known), shown, labels)


def chosen(numbers: Sequence[float], unit: str, *, log: bool, width: float) -> Axis:
    """Return the axis of values that were chosen, with ticks at as many of them as have room.

    Args:
        numbers: At least one, in any order.
        unit: As users write it behind a number.
        log: Whether they are spread in the logarithm; values far apart are shown so anyway.
        width: Of the axis in the plot's own units.
    """
    known = sorted(set(numbers))
    log = known[0] > 0.0 and (log or known[-1] > _FAR * known[0])
    if len(known) > _MANY_TICKS:
        return _round(known[0], known[-1], unit, log=log)
    places = [math.log(number) for number in known] if log else known
    extent = places[-1] - places[0] or 1.0
    labels = [with_unit_of(number, unit) for number in known]
    kept: list[int] = []
    for index in reversed(range(len(known))):  # the last one is always there
        room = LARGE_LETTER * (len(labels[index]) + len(labels[kept[-1]])) / 2 + 8.0 if kept else 0.0
        if not kept or (places[kept[-1]] - places[index]) / extent * width * 0.92 >= room:
            kept.append(index)
    kept.reverse()
    edge = 0.04 * extent
    low, high = places[0] - edge, places[-1] + edge
    ends = (math.exp(low), math.exp(high)) if log else (low, high)
    return Axis(*ends, [known[index] for index in kept], [labels[index] for index in kept], log)


def _round(low: float, high: float, unit: str, *, log: bool) -> Axis:
    """Return the axis of many values that were chosen, with ticks at round numbers between them."""
    if log:
        return Axis(low / 1.06, high * 1.06, *_named(ticks.log(low, high, "number", 6)[0], unit), log)
    edge = 0.03 * (high - low)
    found = [value for value in ticks.between(low, high, 6) if low <= value <= high]
    return Axis(low - edge, high + edge, *_named(found, unit), log)


def _named(positions: Sequence[float], unit: str) -> tuple[Sequence[float], list[str]]:
    return positions, [with_unit_of(position, unit) for position in positions]


def with_unit_of(number: float, unit: str) -> str:
    """Return a value as users write it, in four significant digits: ``412/s``, ``250ms``."""
    digits = max(0, 3 - math.floor(math.log10(abs(number)))) if number else 0
    return f"{formatting.trimmed(number, min(digits, 9))}{unit}"


def signed(values: Sequence[float | None], most: int = 6) -> Axis:
    """Return the axis of shares on both sides of zero, in per cent."""
    known = [100.0 * value for value in values if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    if low == high:
        low, high = -1.0, 1.0
    positions = ticks.between(low, high, most)
    labels = [
        f"{'+' if p > 0 else ''}{formatting.trimmed(p)}%".replace("-", formatting.MINUS) for p in positions
    ]
    ends = min(low, positions[0]), max(high, positions[-1])
    return Axis(ends[0] / 100, ends[1] / 100, [p / 100 for p in positions], labels)


def of_words(words: Sequence[str], *, downward: bool = False, every: int = 1) -> Axis:
    """Return the axis of values that are words, at 0, 1, 2 and so on.

    Args:
        words: In their order.
        downward: Whether the first is at the top of a vertical axis.
        every: Only one of so many is written.
    """
    ends = (-0.5, len(words) - 0.5)
    shown = range(0, len(words), every)
    low, high = reversed(ends) if downward else ends
    return Axis(low, high, list(shown), [words[index] for index in shown])
