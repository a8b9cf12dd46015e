"""Reading a result document that may lack parts: every accessor returns a usable value instead of raising.

A report is drawn from a document that another version may have written, so an absent key, a ``null`` and a
value of the wrong type all mean the same here: no data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Estimate(NamedTuple):
    """A figure of the result: the mean over trials and the ends of its interval (None: no data)."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are known."""
        return self.low is not None and self.high is not None


NO_DATA = Estimate(None)


def mapping(value: object) -> Mapping[str, object]:
    """Return ``value`` when it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: object) -> list[Mapping[str, object]]:
    """Return the mappings of a sequence, an empty list when it is none."""
    return [row for row in items(value) if isinstance(row, Mapping)]


def items(value: object) -> Sequence[object]:
    """Return ``value`` when it is a sequence other than a text, else an empty one."""
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()


def dig(document: object, *keys: str) -> object:
    """Follow ``keys`` through nested mappings; None when one of them is absent."""
    found: object = document
    for key in keys:
        found = mapping(found).get(key)
    return found


def number(value: object) -> float | None:
    """Return a finite number as a float, anything else (booleans too) as None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        converted = float(value)
    except OverflowError:
        return None
    return converted if math.isfinite(converted) else None


def whole(value: object, default: int = 0) -> int:
    """Return a finite number cut to a whole one, ``default`` when it is none."""
    found = number(value)
    return default if found is None else int(found)


def estimate(value: object) -> Estimate:
    """Return a figure from ``{"value", "low", "high"}`` or from a bare number."""
    if isinstance(value, Mapping):
        return Estimate(number(value.get("value")), number(value.get("low")), number(value.get("high")))
    return Estimate(number(value))


def series(value: object) -> list[float | None]:
    """Return a sampled series as numbers; gaps stay None."""
    return [number(point) for point in items(value)]


def text(value: object, default: str = "") -> str:
    """Return a text fit for a page: characters that HTML or UTF-8 cannot hold are replaced."""
    if not isinstance(value, str):
        return default
    return "".join(c if c.isprintable() or c == "\n" else REPLACEMENT for c in value)
