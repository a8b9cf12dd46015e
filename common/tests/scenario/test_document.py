"""The YAML reader: the same values as the reference loader, the right lines, and bounds on every document."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_common.scenario import ScenarioError, load_scenario
from headroom_common.scenario.document import MAX_BYTES, Node, read_yaml

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=10), st.dates()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(max_size=5), st.integers()), inner, max_size=4),
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(values, st.sampled_from([True, False, None]))
def test_the_reader_agrees_with_the_reference_loader(value: Any, flow: bool | None) -> None:  # noqa: FBT001 - drawn
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    assert read_yaml(text).plain() == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}",
        "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b], z: 3}",
        "a: &a [1, 2]\nb: [*a, *a]",
        "a: '1'\nb: \"2\"\nc: |\n  text\nd: >\n  folded\n  text",
        "yes: 0x1f\nno: 0o17\nm: 1_000\nn: 1e3\no: .inf\np: ~",
        "? a\n: 1",
    ],
)
def test_anchors_merges_and_spellings_mean_what_yaml_says(text: str) -> None:
    assert read_yaml(text).plain() == yaml.safe_load(text)


def node_at(text: str, *path: int | str) -> Node:
    node: Node | None = read_yaml(text)
    for part in path:
        assert node is not None
        node = node.child(part)
    assert node is not None
    return node


def test_every_value_knows_its_line_and_column() -> None:
    text = "a: 1\nb:\n  - x\n  - {c: d, e: [f]}\n"
    assert (node_at(text, "a").line, node_at(text, "a").column) == (1, 4)
    assert (node_at(text, "b", 0).line, node_at(text, "b", 0).column) == (3, 5)
    assert (node_at(text, "b", 1, "c").line, node_at(text, "b", 1, "c").column) == (4, 9)
    assert (node_at(text, "b", 1, "e", 0).line, node_at(text, "b", 1, "e", 0).column) == (4, 16)
    assert read_yaml(text).child("nothing") is None
    assert node_at(text, "b").child(7) is None
    assert node_at(text, "a").child("deeper") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: 1\nb: 2\na: 3",
            "line 3, column 1: a: expected each key once, found 'a' again (first in line 1)",
        ),
        (
            "x: {b: 1, b: 2}",
            "line 1, column 11: x.b: expected each key once, found 'b' again (first in line 1)",
        ),
        ("a: 1\n---\nb: 2", "line 2, column 1: expected one YAML document, found another one after '---'"),
        ("", "expected a scenario, found an empty document"),
        ("# only a remark", "expected a scenario, found an empty document"),
        ("a: *x", "line 1, column 4: expected an alias of something complete, found *x without &x before it"),
        (
            "a: &x [*x]",
            "line 1, column 8: expected an alias of something complete, found *x inside &x itself",
        ),
        (
            "a: !!python/object:os.system 1",
            "line 1, column 4: a: expected no tag, found the tag tag:yaml.org,2002:python/object:os.system",
        ),
        ("a: !mine [1]", "line 1, column 4: a: expected no tag, found the tag !mine"),
        (
            "a: 2026-13-45",
            "line 1, column 4: a: expected a readable value, found '2026-13-45' (month must be in 1..12)",
        ),
        ("? [a]\n: 1", "line 1, column 3: expected a plain word as a key, found a mapping or a list"),
        ("<<: 3", "line 1, column 5: expected a mapping to merge with '<<', found 3"),
        (
            "a: [1",
            (
                "line 2, column 1: expected valid YAML, found while parsing a flow sequence did not find "
                "expected "
                "',' or ']'"
            ),
        ),
        (
            "a:\n\t- 1",
            (
                "line 2, column 1: expected valid YAML, found while scanning for the next token found "
                "character that "
                "cannot start any token"
            ),
        ),
    ],
)
def test_what_is_wrong_with_the_yaml_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_yaml(text)
    assert [str(problem) for problem in caught.value.problems] == [message]


def test_all_duplicate_keys_are_listed() -> None:
    with pytest.raises(ScenarioError) as caught:
        read_yaml("a: 1\na: 2\nb: {c: 1, c: 2}")
    assert [problem.path for problem in caught.value.problems] == ["a", "b.c"]


@pytest.mark.parametrize("text", ["\x00", "a: \x07", b"\xff\xfe\x00", b"\xc3\x28"])
def test_what_is_no_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(ScenarioError, match="expected valid YAML in UTF-8"):
        read_yaml(text)


def bomb(levels: int) -> str:
    """Return a document of a few hundred bytes that stands for ten to the power of *levels* values."""
    names = [chr(ord("a") + level) for level in range(levels + 1)]
    lines = [f"{names[0]}: &{names[0]} [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in itertools.pairwise(names)]
    return "\n".join(lines)


HOSTILE = {
    "aliases that multiply": (bomb(12), "aliases that stand for at most 200,000 values"),
    "deep lists": ("[" * 100_000, "at most 64 levels of nesting"),
    "deep mappings": ("{a: " * 100_000, "at most 64 levels of nesting"),
    "deep through aliases": (
        "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200)),
        "at most 64 levels of nesting",
    ),
    "too large": ("# " + "x" * MAX_BYTES, "a document of at most 8 MiB"),
    "a number of many digits": ("a: " + "9" * 10_000, "a readable value"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_fast(name: str) -> None:
    text, expected = HOSTILE[name]
    start = time.perf_counter()
    with pytest.raises(ScenarioError, match=expected):
        read_yaml(text)
    assert time.perf_counter() - start < 5


def test_a_modest_use_of_aliases_is_fine() -> None:
    assert len(read_yaml(bomb(3)).plain()["d"]) == 10


yaml_like = st.text(alphabet=" \n:-[]{}&*!|>'\"#%@,?ab1\t~<", max_size=60)


@settings(max_examples=400, deadline=None)
@given(st.one_of(yaml_like, st.text(max_size=60), values.map(yaml.safe_dump)))
def test_no_text_raises_anything_but_a_scenario_error(text: str) -> None:
    try:
        load_scenario(text)
    except ScenarioError as error:
        assert error.problems  # noqa: PT017 - most texts are refused, and none may raise anything else
