"""Overrides: what they can reach, and that their mistakes name the override."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_common.scenario import Exponential, Scenario, ScenarioError, load_scenario
from headroom_common.scenario.overrides import parse_override


def loaded(text: str, *overrides: str) -> Scenario:
    return load_scenario(text, overrides=overrides).scenario


@pytest.mark.parametrize(
    "override",
    [
        "spec.servers[0].replicas=7",
        "spec.servers[app].replicas=7",
        "spec.servers[app].replicas= 7 ",
        " spec.servers[0].replicas =7",
    ],
)
def test_an_item_is_picked_by_index_or_by_name(full_text: str, override: str) -> None:
    assert loaded(full_text, override).spec.servers[0].replicas == 7


def test_every_kind_of_place_can_be_changed(full_text: str) -> None:
    spec = loaded(
        full_text,
        "spec.horizon=90s",
        "spec.workloads[shoppers].arrivals={kind: users, users: {mean: 9}, rate_per_user: 1/s}",
        "spec.links[lan].delay.mean=5ms",
        "spec.routers[lb].targets[app].weight=2.5",
        "spec.servers[app].endpoints[/api].steps[0].cpu={distribution: exponential, mean: 2ms}",
        "spec.servers[app].endpoints[/api].memory=1Mi",
        "spec.servers[app].concurrency_limit=9",
        "spec.servers[app].queue_limit=null",
        "spec.objectives=[throughput above 1/s]",
    ).spec
    assert spec.horizon == 90 * 10**9
    assert spec.workloads[0].arrivals.kind == "users"
    assert isinstance(spec.links[1].delay, Exponential)
    assert spec.links[1].delay.mean == 5_000_000
    assert spec.routers[0].targets[0].weight == 2.5
    server = spec.servers[0]
    assert server.endpoints[0].memory == 1024
    assert (server.concurrency_limit, server.queue_limit) == (9, None)
    assert [objective.text for objective in spec.objectives] == ["throughput above 1/s"]


def test_a_part_need_not_be_named_when_only_one_has_the_key(smallest_text: str) -> None:
    arrivals = loaded(smallest_text, "spec.workloads[0].rate=77/s").spec.workloads[0].arrivals
    assert (
        arrivals == loaded(smallest_text, "spec.workloads[0].arrivals.rate=77/s").spec.workloads[0].arrivals
    )
    with pytest.raises(ScenarioError, match=r"spec.workloads\[0\]: expected a known key, found 'rat'"):
        loaded(smallest_text, "spec.workloads[0].rat=77/s")


def test_a_mapping_on_the_way_is_made_when_it_is_missing(smallest_text: str) -> None:
    scenario = loaded(smallest_text, "metadata.labels.team=web", "metadata.labels.tier=back")
    assert scenario.metadata.labels == {"team": "web", "tier": "back"}


def test_later_overrides_win(smallest_text: str) -> None:
    assert (
        loaded(smallest_text, "spec.servers[0].cores=2", "spec.servers[0].cores=3").spec.servers[0].cores == 3
    )


def test_a_template_and_what_it_gives_can_be_changed(smallest_text: str) -> None:
    text = (
        smallest_text.replace("      cores: 1\n", "      template: web\n")
        + "  templates: {servers: {web: {cores: 2, memory: 1Gi}}}\n"
    )
    assert loaded(text, "spec.templates.servers.web.cores=5").spec.servers[0].cores == 5
    assert loaded(text, "spec.servers[app].cores=6").spec.servers[0].cores == 6


def test_an_override_of_one_server_leaves_those_of_its_template_alone(smallest_text: str) -> None:
    text = smallest_text.split("  servers:", maxsplit=1)[0] + (
        "  templates:\n"
        "    servers: {web: {cores: 1, endpoints: [{name: /, memory: 1Mi, steps: [{cpu: 1ms}]}]}}\n"
        "  servers: [{name: app, template: web}, {name: other, template: web}]\n"
    )
    app, other = loaded(text, "spec.servers[app].endpoints[/].memory=2Mi").spec.servers
    assert (app.endpoints[0].memory, other.endpoints[0].memory) == (2048, 1024)


REFUSED = [
    (
        "spec.serers[0].x=1",
        "override 'spec.serers[0].x=1': spec: expected a known key, found 'serers' (did you mean 'servers'?)",
    ),
    (
        "spec.servers[ap].replicas=4",
        (
            "override 'spec.servers[ap].replicas=4': spec.servers: expected the index or the name of an "
            "item, "
            "found 'ap' "
            "(did you mean 'app'?)"
        ),
    ),
    (
        "spec.servers[3].replicas=4",
        "override 'spec.servers[3].replicas=4': spec.servers: expected an index below 1, found 3",
    ),
    (
        "spec.servers.replicas=4",
        (
            "override 'spec.servers.replicas=4': spec.servers: expected a mapping with the key 'replicas', "
            "found a list of 1 "
            "(pick an item first, such as spec.servers[0])"
        ),
    ),
    (
        "spec.horizon[0]=4",
        (
            "override 'spec.horizon[0]=4': spec.horizon: expected a list, found '600s' ([0] picks an item "
            "of a "
            "list)"
        ),
    ),
    (
        "spec.links[internet].delay.mean=1ms",
        (
            "override 'spec.links[internet].delay.mean=1ms': spec.links[0].delay: expected a mapping with "
            "the "
            "key 'mean', "
            "found '12ms'"
        ),
    ),
    (
        "spec.servers[app].replicas=x",
        (
            "override 'spec.servers[app].replicas=x': spec.servers[0].replicas: expected a whole number, "
            "found "
            "'x'"
        ),
    ),
    (
        "spec.routers[lb].targets=[{server: ap}]",
        (
            "override 'spec.routers[lb].targets=[{server: ap}]': spec.routers[0].targets[0].server: expected "
            "the name of a "
            "server, found 'ap' (did you mean 'app'?)"
        ),
    ),
    (
        "spec.servers[app].replicas=[",
        (
            "override 'spec.servers[app].replicas=[': spec.servers[app].replicas: expected valid YAML, found "
            "while parsing a "
            "flow node did not find expected node content"
        ),
    ),
    (
        "replicas",
        (
            "override 'replicas': expected PATH=VALUE such as spec.servers[0].replicas=4 or "
            "spec.servers[app].cores=8, "
            "found 'replicas'"
        ),
    ),
    (
        "spec.servers[=4",
        (
            "override 'spec.servers[=4': expected PATH=VALUE such as spec.servers[0].replicas=4 or "
            "spec.servers[app].cores=8, "
            "found 'spec.servers[=4'"
        ),
    ),
]


@pytest.mark.parametrize(("override", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_mistake_names_the_override(full_text: str, override: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        loaded(full_text, override)
    assert [str(problem) for problem in caught.value.problems] == [message]


def test_all_mistakes_of_overrides_are_listed(full_text: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        loaded(full_text, "spec.a=1", "spec.b=1", "spec.horizon=5s")
    assert [problem.found for problem in caught.value.problems] == ["'a'", "'b'"]
    with pytest.raises(ScenarioError) as caught:
        loaded(full_text, "one", "two")
    assert [problem.override for problem in caught.value.problems] == ["one", "two"]


def test_what_an_override_breaks_elsewhere_keeps_its_line(full_text: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        loaded(full_text, "spec.horizon=20s")
    assert [(problem.path, problem.line) for problem in caught.value.problems] == [("spec.warmup", 6)]


keys = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
items = st.one_of(st.integers(0, 99).map(str), st.from_regex(r"[a-z/ ._-]{1,8}", fullmatch=True))


@given(st.lists(st.tuples(keys, st.lists(items, max_size=2)), min_size=1, max_size=5), st.integers())
def test_a_path_is_taken_apart_into_what_it_was_made_of(parts: Any, value: int) -> None:
    path = ".".join(key + "".join(f"[{item}]" for item in inner) for key, inner in parts)
    override = parse_override(f"{path}={value}")
    assert list(override.parts) == [
        part for key, inner in parts for part in (key, *(f"[{item}]" for item in inner))
    ]
    assert override.value == value
