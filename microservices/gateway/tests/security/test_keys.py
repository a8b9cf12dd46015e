"""API keys as text, and who may do what."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_gateway.representations import Scope
from headroom_gateway.security.keys import ApiKey
from headroom_gateway.security.principals import Principal


def test_a_new_key_is_read_again() -> None:
    key = ApiKey.create()
    assert ApiKey.parse(key.text) == key
    assert re.fullmatch(r"hr_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", key.text)


def test_no_two_keys_are_equal() -> None:
    keys = [ApiKey.create() for _ in range(100)]
    assert len({key.id for key in keys}) == len({key.secret for key in keys}) == 100


def test_a_secret_is_not_shown_by_accident() -> None:
    key = ApiKey.create()
    assert key.secret not in f"{key!r} {key}"
    assert key.secret.encode() not in key.digest


@given(st.text(max_size=100))
def test_no_text_crashes_it(text: str) -> None:
    key = ApiKey.parse(text)
    assert key is None or key.text == text


@given(st.from_regex(r"hr_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", fullmatch=True), st.data())
def test_a_text_with_one_character_more_or_less_is_no_key(text: str, data: st.DataObject) -> None:
    key = ApiKey.parse(text)
    assert key is not None
    assert key.text == text
    place = data.draw(st.integers(0, len(text) - 1))
    assert ApiKey.parse(text[:place] + text[place + 1 :]) is None
    assert ApiKey.parse(f"{text[:place]}{data.draw(st.characters())}{text[place:]}") is None


@pytest.mark.parametrize("end", ["\n", "\x00", " ", "é"])
def test_nothing_may_follow(end: str) -> None:
    assert ApiKey.parse(ApiKey.create().text + end) is None


@given(st.sampled_from(Scope), st.sampled_from(Scope))
def test_each_scope_allows_those_before_it(held: Scope, needed: Scope) -> None:
    order = ["read", "run", "admin"]
    allowed = Principal("somebody", held).allows(needed)
    assert allowed == (order.index(held.value) >= order.index(needed.value))
