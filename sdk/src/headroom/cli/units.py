"""Numbers as people read them: three significant digits and the unit that fits."""

from headroom.result import Figure

NOTHING = "—"
_SMALLEST_EXPONENT = -6
_MOST_DIGITS = 7
_DURATIONS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def significant(value: float, digits: int = 3) -> str:
    """`value` with at least `digits` significant digits and all whole ones; tiny ones as 1.00e-07."""
    if value == 0:
        return "0"
    scientific = f"{value:.{digits - 1}e}"
    exponent = int(scientific.rpartition("e")[2])
    if exponent < _SMALLEST_EXPONENT:
        return scientific
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def duration(seconds: float | None) -> str:
    """A duration such as `24.3 ms`."""
    if seconds is None:
        return NOTHING
    scale, unit = _duration_unit(seconds)
    return f"{significant(seconds / scale)} {unit}"


def duration_interval(figure: Figure) -> str:
    """The interval of a duration in the unit of its value, such as `23.9 … 24.8`; or nothing."""
    if figure.value is None:
        return ""
    scale, _ = _duration_unit(figure.value)
    return plain_interval(figure, scale)


def plain_interval(figure: Figure, scale: float = 1.0) -> str:
    """The interval of `figure` divided by `scale`, such as `244 … 255`; empty when there is none.

    Both ends have three digits, or as many as it takes to tell them apart.
    """
    if figure.low is None or figure.high is None:
        return ""
    low, high = figure.low / scale, figure.high / scale
    for digits in range(3, _MOST_DIGITS):
        if significant(low, digits) != significant(high, digits):
            break
    else:
        digits = 3  # no width to speak of
    return f"{significant(low, digits)} … {significant(high, digits)}"


def percent_interval(figure: Figure) -> str:
    """The interval of a ratio, in percent."""
    return plain_interval(figure, 0.01)


def _duration_unit(seconds: float) -> tuple[float, str]:
    """The largest unit of which `seconds` holds at least one."""
    if seconds == 0:
        return _DURATIONS[1]
    # 0.9996 ms is read as 1.00 ms, not as 1,000 µs.
    rounded = float(f"{abs(seconds):.2e}")
    return next((one for one in _DURATIONS if rounded >= one[0]), _DURATIONS[-1])


def whole(value: float | None) -> str:
    """A count such as `149,721`; a mean count below ten keeps a decimal."""
    if value is None:
        return NOTHING
    if value != 0 and abs(value) < 10:  # noqa: PLR2004 - see the docstring
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:,.0f}"


def short_count(value: float) -> str:
    """A large count in at most five characters, such as `1.50M`."""
    for scale, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{significant(value / scale)}{suffix}"
    return f"{value:.0f}"


def rate(per_second: float | None) -> str:
    """A rate such as `249/s`."""
    return NOTHING if per_second is None else f"{significant(per_second)}/s"


def percent(ratio: float | None) -> str:
    """A ratio such as `62.4 %`; what is not nothing never shows as 0 %, what is not all never as 100 %."""
    if ratio is None:
        return NOTHING
    if ratio in (0, 1):
        return f"{ratio * 100:.0f} %"
    if 0.99 < ratio < 1:  # noqa: PLR2004 - here the digits that matter are those that are missing from 1
        return f"{min(ratio * 100, 99.99):.2f} %"
    return f"{significant(ratio * 100)} %"


def share(ratio: float) -> str:
    """A part of a whole with one decimal, for columns whose numbers are compared with each other."""
    return f"{ratio * 100:.1f} %"


def of_kind(value: float | None, kind: str) -> str:
    """A number of one of the kinds that reports know: `duration`, `rate`, `ratio`, `bytes`, or any other."""
    match kind:
        case "duration":
            return duration(value)
        case "rate":
            return rate(value)
        case "ratio":
            return percent(value)
        case "bytes":
            return size(value)
        case _:
            return NOTHING if value is None else significant(value)


def interval_of_kind(figure: Figure, kind: str) -> str:
    """The interval of such a number, in the unit of its value and without it."""
    match kind:
        case "duration":
            return duration_interval(figure)
        case "ratio":
            return percent_interval(figure)
        case "bytes":
            return plain_interval(figure, _bytes_unit(figure.value)[0])
        case _:
            return plain_interval(figure)


def signed_interval(low: float, high: float) -> str:
    """The interval of a relative change, in percent with its signs: `-3.1 … +0.4`."""
    return f"{low * 100:+.1f} … {high * 100:+.1f}"


def size(amount_bytes: float | None) -> str:
    """An amount of memory such as `1.58 GiB`."""
    if amount_bytes is None:
        return NOTHING
    scale, unit = _bytes_unit(amount_bytes)
    return f"{significant(amount_bytes / scale)} {unit}" if scale > 1 else f"{amount_bytes:.0f} B"


def _bytes_unit(amount: float | None) -> tuple[float, str]:
    """The largest unit of which an amount holds at least one."""
    return next((one for one in _BYTES if (amount or 0.0) >= one[0]), (1, "B"))


def clock(time: float, *, seconds: bool = True) -> str:
    """A span such as `8 s`, `2 min 05 s` or `1 h 03 min`; without `seconds`, `2 min`."""
    total = int(time + 0.5)
    if total < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{total} s"
    minutes, rest = divmod(total, 60)
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return f"{minutes} min {rest:02d} s" if rest and seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
