"""Variations: what is read, what values are taken, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_common.scenario.variations import MOST_VALUES, amount_of, parse_variation


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("spec.servers[0].replicas=2..5", ("2", "3", "4", "5")),
        ("spec.workloads[0].rate=100/s,200/s", ("100/s", "200/s")),
        ("a.b=10ms..50ms:5", ("10ms", "20ms", "30ms", "40ms", "50ms")),
        ("a=1..100:log3", ("1", "10", "100")),
        ("a=0.5..2:4", ("0.5", "1", "1.5", "2")),
        ("a=100/s .. 400/s : log3", ("100/s", "200/s", "400/s")),
        ("a=64Mi..256Mi", ("64Mi", "256Mi")),
        ("a=1..3:9", ("1", "2", "3")),
        ("a=[round_robin, least_connections]", ("round_robin", "least_connections")),
        ("a=x,x,y", ("x", "y")),
        ("a=5", ("5",)),
    ],
)
def test_values(text: str, values: tuple[str, ...]) -> None:
    assert parse_variation(text).values == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "expected PATH=VALUES"),
        ("=1", "expected PATH=VALUES"),
        ("a=", "expected PATH=VALUES"),
        ("a b=1", "expected PATH=VALUES"),
        ("a=10ms..2", "a: both ends in the same unit, found 10ms and 2"),
        ("a=x..y", "a: two numbers with the same unit"),
        ("a=5..2", "a: a lower end below the higher one"),
        ("a=2..2", "a: a lower end below the higher one"),
        ("a=1,,2", "a: values between commas"),
        ("a=0..5:log3", "a lower end above 0"),
        ("a=1..5:1", "a: at least 2 values"),
        (f"a=1..{MOST_VALUES + 1}", f"a: at most {MOST_VALUES} values, found {MOST_VALUES + 1} of them"),
        ("a=1..9000:5000", "a: at most 1000 values"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        parse_variation(text)
    assert message in str(refused.value)


def test_every_whole_number_of_a_range_gets_an_equal_share() -> None:
    variation = parse_variation("a=2..5")
    taken = [variation.at(step / 400) for step in range(400)]
    assert {value: taken.count(value) for value in taken} == dict.fromkeys(("2", "3", "4", "5"), 100)
    assert variation.at(1.0) == "5"


@given(
    low=st.integers(1, 500),
    width=st.integers(1, 500),
    unit=st.sampled_from(["", "ms", "/s", "Mi"]),
    share=st.floats(0, 1),
    scale=st.sampled_from(["", ":log7", ":7"]),
)
def test_a_share_of_a_range_is_within_it(low: int, width: int, unit: str, share: float, scale: str) -> None:
    variation = parse_variation(f"a={low}{unit}..{low + width}{unit}{scale}")
    amount = amount_of(variation.at(share))
    assert amount is not None
    assert amount.unit == unit
    assert low * (1 - 1e-5) <= amount.number <= (low + width) * (1 + 1e-5)
    assert variation.at(0.0) == variation.values[0]
    assert variation.at(1.0) == variation.values[-1]


@given(st.floats(1e-6, 1e12))
def test_numbers_are_written_without_an_exponent_and_read_back(number: float) -> None:
    amount = amount_of("1.5ms")
    assert amount is not None
    text = amount.text(number)
    assert "e" not in text
    again = amount_of(text)
    assert again is not None
    assert again.number == pytest.approx(number, rel=1e-5)
