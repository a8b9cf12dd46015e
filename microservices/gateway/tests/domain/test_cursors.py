"""Cursors: they come back as they went, and what is none is refused."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_gateway.domain.cursors import CursorError, Place, cursor_of, place_of

places = st.builds(
    Place,
    created_at_us=st.integers(0, 2**63 - 1),
    identity=st.text("0123456789abcdef-", min_size=1, max_size=64),
)


@given(place=places)
def test_a_cursor_comes_back(place: Place) -> None:
    cursor = cursor_of(place)
    assert place_of(cursor) == place
    assert cursor.replace("-", "").replace("_", "").isalnum(), "nothing to be escaped in a URL"


@given(cursor=st.text(max_size=300) | st.binary(max_size=150).map(lambda b: urlsafe_b64encode(b).decode()))
def test_whatever_is_no_cursor_is_refused(cursor: str) -> None:
    try:
        place = place_of(cursor)
    except CursorError:
        return
    assert place_of(cursor_of(place)) == place


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "é",
        "A" * 201,
        "MTIz",
        cursor_of(Place(2**63, "a")),
        cursor_of(Place(-1, "a")),
        cursor_of(Place(1, "")),
        cursor_of(Place(1, "a" * 65)),
        cursor_of(Place(1, "a' OR 1=1")),
        cursor_of(Place(1, "A")),
        urlsafe_b64encode("\N{ARABIC-INDIC DIGIT ONE} a".encode()).decode(),
    ],
)
def test_what_no_page_gave_out_is_refused(cursor: str) -> None:
    with pytest.raises(CursorError, match="cursor: expected the next_cursor of a page, found something else"):
        place_of(cursor)
