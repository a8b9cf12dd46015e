"""Explanations: every field of the schema has one, and it says what one needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headroom_common.scenario import Scenario, UnknownFieldError, explain
from headroom_common.scenario.introspect import Shape, fields_of, shape_of_field, shape_of_model

if TYPE_CHECKING:
    from collections.abc import Iterator


def all_paths(shape: Shape, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field, steps within steps two levels deep."""
    if shape.item is not None:
        yield from all_paths(shape.item, way)
    for tag, member in shape.members.items():
        if shape.discriminator is not None:
            yield (*way, tag)
            yield from all_paths(member, (*way, tag))
        else:
            yield from all_paths(member, way)
    if shape.model is not None and way.count("steps") < 3:
        for key, info in fields_of(shape).items():
            yield (*way, key)
            yield from all_paths(shape_of_field(info), (*way, key))


PATHS = sorted({".".join(path) for path in all_paths(shape_of_model(Scenario))})


def test_there_are_many_fields() -> None:
    assert len(PATHS) > 200


@pytest.mark.parametrize("path", PATHS)
def test_every_field_is_explained(path: str) -> None:
    explanation = explain(path)
    assert explanation.path == path
    assert explanation.type
    assert explanation.description.endswith((".", ")"))
    for child in explanation.children:
        assert child.description, child.name


def test_a_field_says_what_one_needs() -> None:
    found = explain("servers.replicas")
    assert found.path == "spec.servers.replicas"
    assert found.type == "whole number at least 1, at most 100,000"
    assert (found.required, found.default) == (False, "1")
    assert found.description == "The number of equal replicas, at most 100,000."
    assert found.children == ()


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("spec.warmup", "0s"),
        ("workloads.sessions", "1000"),
        ("links.loss", "0%"),
        ("workloads.arrivals.users.window", "60s"),
        ("servers.endpoints.memory", "0B"),
        ("routers.targets.weight", "1"),
        ("faults.server_down.in_flight", "continue"),
        ("links", "[]"),
        ("sample_period", None),
        ("horizon", None),
        ("servers.memory", None),
    ],
)
def test_defaults_are_written_as_one_would_write_them(path: str, default: str | None) -> None:
    assert explain(path).default == default


@pytest.mark.parametrize(
    ("path", "children"),
    [
        ("", ["apiVersion", "kind", "metadata", "spec", "sweep"]),
        (
            "spec.workloads.arrivals",
            ["kind: poisson", "kind: users", "kind: deterministic", "kind: trace", "kind: closed"],
        ),
        ("servers.endpoints.steps", ["cpu", "io", "pool", "steps"]),
        ("servers.endpoints.steps.steps.steps", ["cpu", "io", "pool", "steps"]),
        ("workloads.arrivals.rate", ["shape", "points"]),
        ("routers.rate_limit", ["rate", "burst"]),
    ],
)
def test_children_are_the_fields_or_the_branches(path: str, children: list[str]) -> None:
    assert [child.name for child in explain(path).children] == children


@pytest.mark.parametrize(
    ("spelling", "path"),
    [
        ("spec.servers", "spec.servers"),
        ("servers[0].endpoints[/api]", "spec.servers.endpoints"),
        (" servers. ", "spec.servers"),
        ("metadata.name", "metadata.name"),
        (
            "workloads.arrivals.closed.think_time.gamma.sd",
            "spec.workloads.arrivals.closed.think_time.gamma.sd",
        ),
        ("templates.servers.web", "spec.templates.servers.web"),
    ],
)
def test_paths_may_be_spelt_in_several_ways(spelling: str, path: str) -> None:
    assert explain(spelling).path == path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("servers.coers", "expected a field of 'spec.servers', found 'coers' (did you mean 'cores'?)"),
        ("serves", "expected a field of a scenario, found 'serves' (did you mean 'servers'?)"),
        ("spec.horizon.unit", "expected a field of 'spec.horizon', found 'unit' (it has no fields inside)"),
        (
            "workloads.arrivals.posson",
            "expected a field of 'spec.workloads.arrivals', found 'posson' (did you mean 'poisson'?)",
        ),
    ],
)
def test_an_unknown_path_is_refused_with_a_suggestion(path: str, message: str) -> None:
    with pytest.raises(UnknownFieldError) as caught:
        explain(path)
    assert str(caught.value) == message
    assert caught.value.next_step


def test_examples_are_given() -> None:
    assert explain("links.delay").examples == (
        "12ms",
        {"distribution": "lognormal", "mean": "20ms", "sd": "5ms"},
    )
