"""Where an axis has its ticks and what they say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, MaxNLocator

from headroom_analysis.report import formatting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axis import Axis

_TIME_STEPS = (
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    60,
    120,
    300,
    600,
    900,
    1200,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
)
_DAY = 86400


def place(axis: Axis, positions: Sequence[float], labels: Sequence[str]) -> None:
    """Put labelled ticks on an axis and no others."""
    axis.set_major_locator(FixedLocator(list(positions)))
    axis.set_minor_locator(FixedLocator([]))
    axis.set_ticklabels(list(labels))


def log(low: float, high: float, kind: str, most: int) -> tuple[list[float], list[str]]:
    """Return ticks of a logarithmic axis: 1-2-5 steps, thinned to ``most``, each with its unit."""
    steps = [
        digit * 10.0**exponent
        for exponent in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5)
    ]
    found = [step for step in steps if low * (1 - 1e-9) <= step <= high * (1 + 1e-9)]
    if len(found) > most:
        found = [step for step in found if f"{step:e}".startswith("1.0")] or found
    found = found[:: math.ceil(len(found) / most)] if found else [low, high]
    return found, [_tick(step, kind) for step in found]


def _tick(value: float, kind: str) -> str:
    scale = formatting.SCALES[kind]([value * 1.000001])
    return formatting.with_unit(formatting.trimmed(value * scale.factor), scale.unit)


def linear(high: float, kind: str, most: int) -> tuple[list[float], list[str]]:
    """Return ticks from 0 to at least ``high`` in the best unit of a kind; the last one shows it."""
    scale = formatting.SCALES[kind]([high])
    counted = kind == "count"
    steps = [1, 2, 5, 10] if counted else [1, 2, 2.5, 5, 10]
    locator = MaxNLocator(nbins=most, steps=steps, min_n_ticks=2, integer=counted)
    found = locator.tick_values(0.0, high * scale.factor)
    shown = [float(value) for value in found if value >= 0.0]
    labels = [formatting.trimmed(value) for value in shown]
    labels[-1] = formatting.with_unit(labels[-1], scale.unit) if scale.unit else labels[-1]
    return [value / scale.factor for value in shown], labels


def between(low: float, high: float, most: int) -> list[float]:
    """Return about ``most`` round numbers around both ends."""
    locator = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10], min_n_ticks=2)
    return [float(value) for value in locator.tick_values(low, high)]


def time(horizon: float, most: int) -> tuple[list[float], list[str]]:
    """Return about ``most`` (at least 3) ticks of an axis of simulated time, 0 to ``horizon`` seconds."""
    if horizon < most:
        positions, labels = linear(horizon, "duration", most)
        kept = [(p, label) for p, label in zip(positions, labels, strict=True) if p <= horizon * (1 + 1e-9)]
        unit = formatting.duration_scale([horizon])
        return [p for p, _ in kept], [
            f"{formatting.trimmed(p * unit.factor)}{formatting.NBSP}{unit.unit}" if p else "0"
            for p, _ in kept
        ]
    step = next(
        (step for step in _TIME_STEPS if horizon / step <= most), _DAY * math.ceil(horizon / _DAY / most)
    )
    positions = [float(step * index) for index in range(int(horizon / step * (1 + 1e-9)) + 1)]
    size, unit_name = next(
        (
            (size, name)
            for size, name in ((86400, "d"), (3600, "h"), (60, "min"))
            if step % size == 0 and step >= size
        ),
        (1, "s"),
    )
    if size == 60 and step == 60 and horizon < 240:  # noqa: PLR2004 - a minute; seconds read better below four
        size, unit_name = 1, "s"
    return positions, [
        f"{formatting.trimmed(p / size)}{formatting.NBSP}{unit_name}" if p else "0" for p in positions
    ]
