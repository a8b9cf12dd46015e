"""Times as the tables keep them: whole microseconds since 1970, in UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Return a moment as the tables keep it."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(value: int) -> datetime:
    """Return the moment that the tables keep."""
    return _EPOCH + value * _MICROSECOND


def maybe_from_us(value: int | None) -> datetime | None:
    """Return the moment that the tables keep, None when there is none."""
    return None if value is None else from_us(value)
