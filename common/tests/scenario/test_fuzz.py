"""Damaged scenarios: whatever is put wherever, the answer is a scenario or a list of problems."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.tests.scenario.conftest import ASYNCFLOW, FULL
from headroom_common.scenario import Scenario, ScenarioError, load_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = [yaml.safe_load(FULL), yaml.safe_load(ASYNCFLOW)]
SLOW = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])

words = st.sampled_from(
    ["12ms", "1/s", "64Mi", "1%", "lb", "app", "/api", "db", "poisson", "exponential", "server_down", "x", ""]
)
scalars = st.one_of(
    words,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.dates(),
    st.binary(max_size=3),
)
replacements = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(words, st.integers(), st.none()), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value inside *value*."""
    yield way
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from places(child, (*way, key))


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(list(places(document))))
        if not way:
            continue
        parent: Any = document
        for part in way[:-1]:
            parent = parent[part]
        match draw(st.sampled_from(["replace", "delete", "rename"])):
            case "replace":
                parent[way[-1]] = draw(replacements)
            case "delete":
                del parent[way[-1]]
            case _ if isinstance(parent, dict):
                parent[draw(words)] = parent.pop(way[-1])
    return document


@SLOW
@given(damaged())
def test_damage_never_raises_anything_but_a_scenario_error(document: Any) -> None:
    text = yaml.safe_dump(document)
    try:
        loaded = load_scenario(text)
    except ScenarioError as error:
        found = error.problems
    else:
        found = ()
        assert Scenario.from_dict(loaded.scenario.canonical()) == loaded.scenario
    assert all(problem.expected and problem.found for problem in found)


@SLOW
@given(damaged())
def test_a_damaged_dict_is_refused_as_a_damaged_text_is(document: Any) -> None:
    try:
        Scenario.from_dict(document)
    except ScenarioError as error:
        assert error.problems  # noqa: PT017 - an intact document is as good an outcome


paths = st.from_regex(r"\A(spec|metadata)(\.(servers|horizon|links|x)|\[(0|app|9)\]){0,4}\Z")


@SLOW
@given(
    st.one_of(
        paths.map(lambda path: f"{path}=1"), st.text(max_size=20), st.tuples(paths, replacements).map(str)
    )
)
def test_no_override_raises_anything_but_a_scenario_error(override: str) -> None:
    try:
        load_scenario(FULL, overrides=[override])
    except ScenarioError as error:
        assert error.problems  # noqa: PT017 - some overrides are good
