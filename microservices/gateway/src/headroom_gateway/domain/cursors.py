"""Where a page of a list ends, as an opaque text that a client gives back to get the next page."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

_PLACE: Final = re.compile(rb"(\d{1,19}) ([0-9a-f-]{1,64})")
_LONGEST: Final = 200


class CursorError(ValueError):
    """A cursor that no page has given out."""

    def __init__(self, of: str = "a page") -> None:
        super().__init__(f"cursor: expected the next_cursor of {of}, found something else")


@dataclass(frozen=True, slots=True)
class Place:
    """The last entry of a page.

    Attributes:
        created_at_us: when it was made, in microseconds since 1970.
        identity: its id.
    """

    created_at_us: int
    identity: str


def cursor_of(place: Place) -> str:
    """Return the cursor of a page's last entry."""
    return urlsafe_b64encode(f"{place.created_at_us} {place.identity}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Return the entry that a cursor stands for.

    Raises:
        CursorError: it is no cursor.
    """
    found = None
    if len(cursor) <= _LONGEST and cursor.isascii():
        try:
            found = _PLACE.fullmatch(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except ValueError:
            found = None
    if found is None or int(found[1]) >= 2**63:
        raise CursorError
    return Place(int(found[1]), found[2].decode())
