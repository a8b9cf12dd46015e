"""Which media type is answered: RFC 9110, section 12.5.1."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_gateway.domain.negotiation import preferred

JSON: Final = "application/json"
TABLE: Final = "application/vnd.apache.parquet"
OFFERED: Final = (JSON, TABLE)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        (" , ,", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (TABLE, TABLE),
        (TABLE.upper(), TABLE),
        (f"{TABLE}, {JSON}", JSON),
        (f"{TABLE}, */*;q=0.1", TABLE),
        (f"{JSON};q=0.3, {TABLE};q=0.7", TABLE),
        (f"{JSON};q=0.7, {TABLE};q=0.7", JSON),
        (f"{JSON};q=0, */*", TABLE),
        (f"application/*;q=0, {TABLE}", TABLE),
        (f"*/*, {JSON};q=0.001", TABLE),
        (f"{JSON} ; Q=0.2 , {TABLE} ; q=0.3", TABLE),
        (f"{JSON};charset=utf-8", JSON),
        ("text/html", None),
        ("text/*", None),
        (f"{JSON};q=0", None),
        ("*/*;q=0", None),
        (f"{JSON};q=0, {TABLE};q=0", None),
        (f"{JSON};q=nan, {TABLE};q=2", None),
        (f"{JSON};q=much", None),
        ("json", None),
        ("*", None),
    ],
)
def test_the_most_specific_range_with_the_highest_quality_wins(accept: str, expected: str | None) -> None:
    assert preferred(accept, OFFERED) == expected


pieces = st.sampled_from(
    [JSON, TABLE, "*/*", "application/*", "text/html", "q=0", "q=1", "q=.5", "q=x", ";", ",", " ", "/", "*"]
)
headers = st.text(max_size=60) | st.lists(pieces, max_size=12).map("".join)


@given(accept=headers)
def test_nothing_is_answered_that_is_not_offered(accept: str) -> None:
    assert preferred(accept, OFFERED) in {*OFFERED, None}


@given(accept=headers)
def test_whoever_takes_anything_gets_something(accept: str) -> None:
    assert preferred("*/*", OFFERED) is not None
    if preferred(accept, OFFERED) is None:
        assert preferred(accept, (TABLE, JSON)) is None, "the order of what is offered only breaks ties"
