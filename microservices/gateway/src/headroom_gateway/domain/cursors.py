"""Where a page of a list ends, as an opaque text that a client gives back to get the next page."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

from headroom_common.errors import PermanentError

_PLACE: Final = re.compile(rb"(\d{1,19}) ([0-9a-f-]{1,64})")
_LONGEST: Final = 200


class CursorError(PermanentError):
    """A cursor that no page has given out."""


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
        message = "cursor: expected the next_cursor of a page, found something else"
        raise CursorError(message, next_step="Begin with the first page.")
    return Place(int(found[1]), found[2].decode())
