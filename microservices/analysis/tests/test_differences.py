"""Where scenarios differ: told by paths that overrides understand."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from analysis_testing.runs import SCENARIO
from hypothesis import given
from hypothesis import strategies as st

from headroom_analysis.domain.differences import MOST_SHOWN, differences, shown
from headroom_common.scenario import Scenario
from headroom_common.scenario.overrides import apply_overrides, parse_overrides

A = Scenario.from_dict(SCENARIO).canonical()


def changed(*overrides: str) -> dict[str, Any]:
    document = copy.deepcopy(A)
    apply_overrides(document, parse_overrides(overrides))
    return Scenario.from_dict(document).canonical()


def test_equal_scenarios_do_not_differ() -> None:
    assert list(differences(A, copy.deepcopy(A))) == []


@pytest.mark.parametrize(
    ("path", "value", "before"),
    [
        ("spec.servers[app].cores", 4, 2),
        ("spec.servers[app].pools[db].size", 9, 4),
        ("spec.links[lan].delay", "3ms", "1ms"),
        ("metadata.name", "other", "two-tiers"),
    ],
)
def test_a_changed_value_is_told_as_an_override(path: str, value: object, before: object) -> None:
    assert list(differences(A, changed(f"{path}={value}"))) == [{"path": path, "a": before, "b": value}]
    assert list(differences(changed(f"{path}={value}"), A)) == [{"path": path, "a": value, "b": before}]


def test_added_and_removed_parts_are_told_whole() -> None:
    fault = {"kind": "outage", "server": "app", "at": "3s", "duration": "1s"}
    (found,) = differences({"faults": []}, {"faults": [fault]})
    assert found == {"path": "faults[0]", "a": None, "b": fault}
    (found,) = differences({"servers": [{"name": "a"}, {"name": "b"}]}, {"servers": [{"name": "b"}]})
    assert found == {"path": "servers[a]", "a": {"name": "a"}, "b": None}


def test_the_order_of_named_parts_is_a_part() -> None:
    one, other = [{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}]
    assert list(differences(one, other, "servers")) == [{"path": "servers", "a": ["a", "b"], "b": ["b", "a"]}]


def test_long_values_are_not_shown() -> None:
    times = [float(number) for number in range(1000)]
    (found,) = differences({"times": times}, {"times": times[1:]})
    assert found == {"path": "times", "a": "(6,890 characters)", "b": "(6,885 characters)"}
    assert shown("x" * MOST_SHOWN) == "x" * MOST_SHOWN


plain = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", ""])
names = st.sampled_from(["a", "b", "name"])
documents = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(documents, documents)
def test_any_two_documents_differ_where_they_do(a: object, b: object) -> None:
    there, back = list(differences(a, b)), list(differences(b, a))
    assert (there == []) == (without_nothing(a) == without_nothing(b))
    assert sorted(one["path"] for one in there) == sorted(one["path"] for one in back)
    assert list(differences(a, a)) == []


def without_nothing(value: object) -> object:
    """A document without what says nothing: None in objects, and lists of nothing."""
    if isinstance(value, dict):
        return {key: kept for key, item in value.items() if (kept := without_nothing(item)) is not None}
    if isinstance(value, list):
        return [without_nothing(item) for item in value] or None
    return value
