"""Human units: durations, quantities of memory, cores, rates and ratios, parsed exactly and written back.

Every parser takes what YAML gives (text or a number) and raises a `ValueError` that says what was expected
and
what was found. Every formatter writes the shortest text that parses back to the very same value.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from headroom_common.scenario.base import Label, refuse

NANOSECONDS_PER_SECOND: Final = 10**9
MAX_DURATION_NS: Final = 365 * 24 * 3600 * NANOSECONDS_PER_SECOND
MAX_MEMORY_KIB: Final = 2**40
MAX_CORES: Final = 10_000
MAX_RATE: Final = 1e9
_MAX_TEXT: Final = 64
_WHOLE_LIMIT: Final = 1e15

_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"
_NANOSECONDS: Final[Mapping[str, int]] = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": NANOSECONDS_PER_SECOND,
    "m": 60 * NANOSECONDS_PER_SECOND,
    "min": 60 * NANOSECONDS_PER_SECOND,
    "h": 3600 * NANOSECONDS_PER_SECOND,
    "d": 24 * 3600 * NANOSECONDS_PER_SECOND,
}
_BYTES: Final[Mapping[str, int]] = {
    "B": 1,
    **{f"{p}i": 1024**n for n, p in enumerate("KMGT", 1)},
    **{f"{p}iB": 1024**n for n, p in enumerate("KMGT", 1)},
    **{p: 1000**n for n, p in enumerate("kMGT", 1)},
    **{f"{p}B": 1000**n for n, p in enumerate("kMGT", 1)},
}
_RATE_SECONDS: Final[Mapping[str, Fraction]] = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(24 * 3600),
}


def _alternatives(units: Mapping[str, object]) -> str:
    return "|".join(sorted(units, key=len, reverse=True))


_DURATION_PART = f"{_NUMBER} ?(?:{_alternatives(_NANOSECONDS)})"
_DURATION_PATTERN: Final = f"^{_DURATION_PART}(?: ?{_DURATION_PART})*$"
_MEMORY_PATTERN: Final = f"^({_NUMBER}) ?({_alternatives(_BYTES)})$"
_RATE_PATTERN: Final = f"^({_NUMBER}) ?/ ?({_alternatives(_RATE_SECONDS)})$"
_RATIO_PATTERN: Final = f"^({_NUMBER}) ?(%?)$"
_CORES_PATTERN: Final = "^([0-9]{1,9})(m?)$"

_DURATION_RE: Final = re.compile(_DURATION_PATTERN)
_PLAIN_DURATION_RE: Final = re.compile(
    f"^([0-9]{{1,12}})(?:\\.([0-9]{{1,12}}))?({_alternatives(_NANOSECONDS)})$"
)
_DURATION_PART_RE: Final = re.compile(f"({_NUMBER}) ?({_alternatives(_NANOSECONDS)})")
_MEMORY_RE: Final = re.compile(_MEMORY_PATTERN)
_RATE_RE: Final = re.compile(_RATE_PATTERN)
_RATIO_RE: Final = re.compile(_RATIO_PATTERN)
_CORES_RE: Final = re.compile(_CORES_PATTERN)


def _text(value: object) -> str:
    """Return *value* when it is text of sane length, else an empty text that no pattern matches."""
    return value.strip() if isinstance(value, str) and len(value) <= _MAX_TEXT else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def parse_duration(value: object) -> int:
    """Return the nanoseconds of a duration such as `12ms`, `1.5s` or `1h30m`, rounded half up to a whole one.

    Raises:
        ValueError: the value has no unit, is no duration, or is longer than 365 days.
    """
    expected = "a duration such as 12ms, 1.5s or 2m"
    text = _text(value)
    nanoseconds = _plain_duration(text)
    if nanoseconds is not None:
        return nanoseconds
    if not _DURATION_RE.match(text):
        bare = _is_number(value) or _RATIO_RE.match(text)
        hint = f"a bare number has no unit: write {value}ms or {value}s" if bare else ""
        if text.startswith("-"):
            hint = "a duration is never negative"
        refuse(expected, value, hint)
    exact = sum(
        (Fraction(number) * _NANOSECONDS[unit] for number, unit in _DURATION_PART_RE.findall(text)),
        Fraction(0),
    )
    if exact > MAX_DURATION_NS:
        refuse("a duration of at most 365d", value)
    return int(exact + Fraction(1, 2))


def _plain_duration(text: str) -> int | None:
    """Return the nanoseconds of one number with one unit, or None: the fast way, for traces of many times."""
    match = _PLAIN_DURATION_RE.match(text)
    if match is None:
        return None
    whole, fraction, unit = match.groups()
    if fraction is None:
        nanoseconds = int(whole) * _NANOSECONDS[unit]
    else:
        parts = 10 ** len(fraction)
        # half up in whole numbers: floor(2x/2 + 1/2)
        nanoseconds = (2 * (int(whole) * parts + int(fraction)) * _NANOSECONDS[unit] + parts) // (2 * parts)
    return nanoseconds if nanoseconds <= MAX_DURATION_NS else None


def format_duration(nanoseconds: int) -> str:
    """Return *nanoseconds* as exact text in the largest of s, ms, us, ns that it fills, such as `1.5s`."""
    for unit in ("s", "ms", "us"):
        scale = _NANOSECONDS[unit]
        if nanoseconds >= scale:
            whole, rest = divmod(nanoseconds, scale)
            digits = str(rest).rjust(len(str(scale)) - 1, "0").rstrip("0")
            return f"{whole}.{digits}{unit}" if digits else f"{whole}{unit}"
    return f"{nanoseconds}ns" if nanoseconds else "0s"


def parse_memory(value: object) -> int:
    """Return the KiB of a quantity such as `512Mi` or `2GB`, rounded up to a whole KiB.

    Raises:
        ValueError: the value has no unit, is no quantity, or is beyond 1024 Ti.
    """
    match = _MEMORY_RE.match(_text(value))
    if match is None:
        bare = _is_number(value) or _RATIO_RE.match(_text(value))
        hint = f"a bare number has no unit: write {value}Mi or {value}B" if bare else ""
        refuse("a quantity of memory such as 64Mi, 2Gi or 500MB", value, hint)
    number, unit = match.groups()
    kib = -(-Fraction(number) * _BYTES[unit] // 1024)
    if kib > MAX_MEMORY_KIB:
        refuse("at most 1024Ti", value)
    return int(kib)


def format_memory(kib: int) -> str:
    """Return *kib* in the largest of Ti, Gi, Mi, Ki that divides it, such as `64Mi`."""
    if kib == 0:
        return "0B"
    for power, unit in ((3, "Ti"), (2, "Gi"), (1, "Mi")):
        if kib % 1024**power == 0:
            return f"{kib // 1024**power}{unit}"
    return f"{kib}Ki"


def parse_cores(value: object) -> int:
    """Return the whole number of cores of `4`, `"4"` or `4000m`.

    Raises:
        ValueError: the value is no whole number of cores from 1 to 10,000.
    """
    expected = "a whole number of cores from 1 to 10,000, such as 2"
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    match = _CORES_RE.match(text)
    if match is None:
        refuse(expected, value, _whole_cores_hint() if isinstance(value, float) else "")
    number, milli = int(match[1]), bool(match[2])
    if milli and number % 1000:
        refuse(expected, value, _whole_cores_hint())
    cores = number // 1000 if milli else number
    if not 1 <= cores <= MAX_CORES:
        refuse(expected, value)
    return cores


def _whole_cores_hint() -> str:
    return "cores are tokens that run one step each and can't be split; scale the cpu steps instead"


def parse_rate(value: object) -> float:
    """Return the events per second of a rate such as `250/s`, `20/min` or `1000/h`.

    Raises:
        ValueError: the value has no unit, is no rate, or is beyond a billion per second.
    """
    match = _RATE_RE.match(_text(value))
    if match is None:
        bare = _is_number(value) or _RATIO_RE.match(_text(value))
        hint = f"a bare number has no unit: write {value}/s or {value}/min" if bare else ""
        refuse("a rate such as 250/s or 20/min", value, hint)
    rate = float(Fraction(match[1]) / _RATE_SECONDS[match[2]])
    if rate > MAX_RATE:
        refuse("a rate of at most 1e9/s", value)
    return rate


def format_rate(per_second: float) -> str:
    """Return the shortest of the texts per s, min, h and d that parses back to exactly *per_second*."""
    candidates = [
        f"{_plain(float(Fraction(per_second) * _RATE_SECONDS[unit]))}/{unit}"
        for unit in ("s", "min", "h", "d")
    ]
    return min((text for text in candidates if _means(parse_rate, text, per_second)), key=len)


def parse_ratio(value: object) -> float:
    """Return the fraction of `1%`, `"0.01"` or `0.01`, from 0 to 1.

    Raises:
        ValueError: the value is no ratio or lies outside 0 to 1.
    """
    text = repr(value) if _is_number(value) else _text(value)
    match = _RATIO_RE.match(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        refuse("a ratio from 0 to 1, such as 1% or 0.01", value)
    exact = Fraction(match[1]) / (100 if match[2] else 1)
    if exact > 1:
        hint = f"write {value}%" if not match[2] and exact <= 100 else ""  # noqa: PLR2004 - a hundred per cent
        refuse("a ratio from 0 to 1, such as 1% or 0.01", value, hint)
    return float(exact)


def format_ratio(ratio: float) -> str:
    """Return *ratio* in per cent when that is exact and readable, else as a fraction."""
    fraction, per_cent = _plain(ratio), f"{_plain(float(Fraction(ratio) * 100))}%"
    is_readable = len(per_cent) <= len(fraction) + len("00%")
    return per_cent if is_readable and _means(parse_ratio, per_cent, ratio) else fraction


def _means(parse: Callable[[object], float], text: str, value: float) -> bool:
    """Tell whether *parse* accepts *text* and makes exactly *value* of it."""
    try:
        return parse(text) == value
    except ValueError:  # rounding carried the number over the allowed edge
        return False


def _plain(number: float) -> str:
    """Return the shortest text of *number*, whole numbers without a fraction."""
    return str(int(number)) if number.is_integer() and number < _WHOLE_LIMIT else repr(number)


def _schema(pattern: str, title: str, *, number: bool = False) -> WithJsonSchema:
    text: dict[str, object] = {"type": "string", "pattern": pattern, "description": title}
    if not number:
        return WithJsonSchema(text)
    return WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, text]})


DURATION_JSON_SCHEMA: Final[Mapping[str, object]] = {
    "type": "string",
    "pattern": _DURATION_PATTERN,
    "description": "A duration: a number with ns, us, ms, s, m, h or d.",
}
_DURATION_SCHEMA = WithJsonSchema(dict(DURATION_JSON_SCHEMA))
_RATE_SCHEMA = _schema(_RATE_PATTERN, "A rate: a number per ms, s, min, h or d.")


def _parse_positive_duration(value: object) -> int:
    nanoseconds = parse_duration(value)
    if nanoseconds == 0:
        refuse("a duration above 0", value)
    return nanoseconds


def _parse_positive_rate(value: object) -> float:
    rate = parse_rate(value)
    if rate == 0:
        refuse("a rate above 0", value)
    return rate


THRESHOLD_JSON_SCHEMA: Final[Mapping[str, object]] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": f"{_DURATION_PATTERN}|{_RATE_PATTERN}|{_RATIO_PATTERN}"},
        {"type": "null"},
    ]
}

Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    _DURATION_SCHEMA,
    Label("duration"),
]
"""Nanoseconds, written as `12ms`."""

PositiveDuration = Annotated[
    int,
    BeforeValidator(_parse_positive_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    _DURATION_SCHEMA,
    Label("duration above 0"),
]
"""Nanoseconds above 0."""

Quantity = Annotated[
    int,
    BeforeValidator(parse_memory),
    PlainSerializer(format_memory, return_type=str, when_used="json"),
    _schema(_MEMORY_PATTERN, "A quantity of memory: a number with Ki, Mi, Gi, Ti, k, M, G, T or B."),
    Label("memory quantity"),
]
"""KiB of memory, written as `64Mi`."""

Cores = Annotated[
    int,
    BeforeValidator(parse_cores),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_CORES},
                {"type": "string", "pattern": "^[0-9]+(000m)?$"},
            ]
        }
    ),
    Label("whole number of cores"),
]
"""A whole number of cores."""

Rate = Annotated[
    float,
    BeforeValidator(parse_rate),
    PlainSerializer(format_rate, return_type=str, when_used="json"),
    _RATE_SCHEMA,
    Label("rate"),
]
"""Events per second, written as `250/s`."""

PositiveRate = Annotated[
    float,
    BeforeValidator(_parse_positive_rate),
    PlainSerializer(format_rate, return_type=str, when_used="json"),
    _RATE_SCHEMA,
    Label("rate above 0"),
]
"""Events per second, above 0."""

Ratio = Annotated[
    float,
    BeforeValidator(parse_ratio),
    PlainSerializer(format_ratio, return_type=str, when_used="json"),
    _schema(_RATIO_PATTERN, "A ratio: per cent such as 1%, or a fraction such as 0.01.", number=True),
    Label("ratio"),
]
"""A fraction from 0 to 1, written as `1%`."""
