"""Numbers as people read them: adaptive units, three significant digits, one precision per table column."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NBSP = "\N{NO-BREAK SPACE}"
DASH = "\N{EN DASH}"
NONE = "\N{EM DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
MICRO = "\N{MICRO SIGN}s"
MINUS = "\N{MINUS SIGN}"

_SIGNIFICANT = 3
_MOST_DECIMALS = 3
_KIBI = 1024.0
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


class Scale(NamedTuple):
    """A unit to show numbers in: shown = number * factor, followed by the unit's name."""

    factor: float
    unit: str


def _middle(values: Iterable[float | None]) -> float:
    sizes = [abs(value) for value in values if value]
    return statistics.median_low(sizes) if sizes else 0.0


def _upper_middle(values: Iterable[float]) -> float:
    sizes = [abs(value) for value in values if value]
    return statistics.median_high(sizes) if sizes else 0.0


def duration_scale(values: Iterable[float | None]) -> Scale:
    """Choose s, ms or µs for durations in seconds, by the middle one, so that most show at least 1."""
    middle = _middle(values)
    if middle >= 1.0 or middle == 0.0:
        return Scale(1.0, "s")
    return Scale(1e3, "ms") if middle >= 1e-3 else Scale(1e6, MICRO)  # noqa: PLR2004 - a millisecond


def bytes_scale(values: Iterable[float | None]) -> Scale:
    """Choose a binary unit for sizes in bytes, by the middle one."""
    middle, factor = _middle(values), 1.0
    for unit in ("B", "KiB", "MiB", "GiB"):
        if middle < _KIBI:
            return Scale(factor, unit)
        middle, factor = middle / _KIBI, factor / _KIBI
    return Scale(factor, "TiB")


def ratio_scale(_values: Iterable[float | None]) -> Scale:
    """Show ratios in per cent."""
    return Scale(100.0, "%")


def rate_scale(_values: Iterable[float | None]) -> Scale:
    """Show rates per second."""
    return Scale(1.0, "/s")


def plain_scale(_values: Iterable[float | None]) -> Scale:
    """Show numbers as they are."""
    return Scale(1.0, "")


SCALES: dict[str, Callable[[Iterable[float | None]], Scale]] = {
    "duration": duration_scale,
    "bytes": bytes_scale,
    "ratio": ratio_scale,
    "rate": rate_scale,
    "number": plain_scale,
    "count": plain_scale,
}


def decimals_for(values: Iterable[float | None], scale: Scale) -> int:
    """Return how many decimals show three significant digits of the middle value, none for whole numbers."""
    present = [value * scale.factor for value in values if value is not None]
    if all(value == math.floor(value) for value in present):
        return 0
    middle = _upper_middle(present)
    return max(0, min(_MOST_DECIMALS, _SIGNIFICANT - 1 - math.floor(math.log10(middle))))


def ends(low: float, high: float, scale: Scale, decimals: int) -> str:
    """Show the ends of an interval without their unit, by two significant digits of its width.

    Args:
        low: the lower end.
        high: the upper end.
        scale: the unit.
        decimals: of the value that the interval is about; the ends have at most one more.
    """
    width = abs(high - low) * scale.factor
    own = 1 - math.floor(math.log10(width)) if width else 0
    kept = max(0, min(own, decimals + 1))
    return f"{fixed(low, scale, kept)} {DASH} {fixed(high, scale, kept)}"


def fixed(value: float | None, scale: Scale, decimals: int) -> str:
    """Show a number with fixed decimals and no unit; what would round to nothing shows as less than it."""
    if value is None:
        return NONE
    shown = value * scale.factor
    least: float = 10.0**-decimals
    if shown and abs(shown) < least / 2:
        return f"<{NBSP}{least:.{decimals}f}" if shown > 0 else f"{0:.{decimals}f}"
    return f"{shown:,.{decimals}f}".replace("-", MINUS)


def column(values: Sequence[float | None], scale: Scale) -> list[str]:
    """Show a column of numbers with common decimals, so that the decimal points stand under each other."""
    decimals = decimals_for(values, scale)
    return [fixed(value, scale, decimals) for value in values]


def with_unit(value: str, unit: str) -> str:
    """Put a unit behind a number: close for ``%`` and ``/s``, else after a space that does not break."""
    return f"{value}{'' if unit[:1] in '/%' else NBSP}{unit}"


def single(value: float | None, kind: str) -> str:
    """Show one number of a kind with its unit: ``212 ms``, ``0.12 %``, ``1,920 /s``, ``1.5 GiB``."""
    if value is None:
        return "no data"
    scale = SCALES[kind]([value])
    return with_unit(fixed(value, scale, decimals_for([value], scale)), scale.unit)


def interval(low: float | None, high: float | None, value: float | None, kind: str) -> str:
    """Show an interval in the unit of its value, its ends joined by a dash; empty without one."""
    if low is None or high is None or low == high:
        return ""
    scale = SCALES[kind]([value])
    return with_unit(ends(low, high, scale, decimals_for([value], scale)), scale.unit)


def span(seconds: float | None) -> str:
    """Show a length of simulated time in whole units: ``90 s``, ``10 min``, ``2 h 30 min``."""
    if seconds is None:
        return "no data"
    if seconds < 2 * _MINUTE or seconds % 1.0:
        return single(seconds, "duration")
    parts, left = [], seconds
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1.0, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{int(count)}{NBSP}{unit}")
    return " ".join(parts)


def percent(share: float) -> str:
    """Show a share in per cent with one decimal: ``36.7%``."""
    return f"{100.0 * share:,.1f}%"


def plural(count: int, singular: str, several: str | None = None) -> str:
    """Show a count with its noun: ``1 trial``, ``12 trials``."""
    return f"{count:,}{NBSP}{singular if count == 1 else several or singular + 's'}"


def listing(words: Sequence[str]) -> str:
    """Join words for a sentence: ``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def threshold(value: float, kind: str) -> str:
    """Show a limit, which people choose in round numbers, without needless zeros: ``250 ms``, ``0.1%``."""
    scale = SCALES[kind]([value])
    return with_unit(trimmed(value * scale.factor), scale.unit)


def sentence(words: str) -> str:
    """Start a sentence: with a capital, unless its first word is a name such as ``p99``."""
    first = words.partition(" ")[0]
    return words if any(c.isdigit() for c in first) else words[:1].upper() + words[1:]


def trimmed(value: float, decimals: int = _MOST_DECIMALS) -> str:
    """Show a number without needless zeros, for the ticks of an axis: ``0.5``, ``20``, ``1,500``."""
    shown = f"{value:,.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
