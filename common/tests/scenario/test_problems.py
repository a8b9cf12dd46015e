"""Everything that can be wrong with a scenario, in the exact words that its author reads."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from headroom_common.errors import PermanentError
from headroom_common.scenario import Problem, Scenario, ScenarioError, load_scenario

DELETED = object()


def put(document: dict[str, Any], path: str, value: object) -> None:
    """Set or delete the value at a path such as `spec/servers/0/cores`."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place: Any = document
    for part in way:
        place = place[part]
    if value is DELETED:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value


def problems_of(document: Any) -> list[str]:
    """Return the problems of a document as text, checked to be the same through YAML and through a dict."""
    with pytest.raises(ScenarioError) as from_yaml:
        load_scenario(yaml.safe_dump(document, sort_keys=False))
    for problem in from_yaml.value.problems:
        assert problem.line is not None
        assert problem.column is not None
    with pytest.raises(ScenarioError) as from_dict:
        Scenario.from_dict(copy.deepcopy(document))
    bare = {f"{p.path}: expected {p.expected}, found {p.found}" for p in from_yaml.value.problems}
    assert {f"{p.path}: expected {p.expected}, found {p.found}" for p in from_dict.value.problems} == bare
    return [str(problem) for problem in from_dict.value.problems]


ONE_FIELD = yaml.safe_load(Path(__file__).with_name("problems.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", ONE_FIELD, ids=[f"{case['path']}-{n}" for n, case in enumerate(ONE_FIELD)])
def test_one_wrong_field_is_one_problem(document: dict[str, Any], case: dict[str, Any]) -> None:
    put(document, case["path"], case.get("value", DELETED))
    assert problems_of(document) == [case["problem"]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "spec.workloads: expected a list of at least 1, found an empty list"),
        ({"name": "x"}, "spec.workloads: expected a list, found a mapping"),
        (None, "spec.workloads: expected a list, found nothing"),
    ],
)
def test_a_section_of_the_wrong_shape_is_one_problem(
    smallest: dict[str, Any], value: object, message: str
) -> None:
    smallest["spec"]["workloads"] = value
    assert problems_of(smallest) == [message]


def test_all_problems_are_reported_at_once(document: dict[str, Any]) -> None:
    for path, value in [
        ("spec/horizon", 5),
        ("spec/workloads/0/entry", "bl"),
        ("spec/workloads/0/timeout", "soon"),
        ("spec/servers/0/cores", 0.5),
        ("spec/servers/0/endpoints/0/steps/1/pool", "bd"),
        ("spec/servers/0/endpoints/0/steps/1/steps/0", {"io": 8}),
        ("spec/servers/0/endpoints/0/memory", "3Gi"),
        ("spec/faults/0/kind", "fire"),
        ("spec/objectives/1/workload", "nobody"),
    ]:
        put(document, path, value)
    paths = sorted(text.split(": ")[0] for text in problems_of(document))
    assert paths == [
        "spec.faults[0].kind",
        "spec.horizon",
        "spec.objectives[1].workload",
        "spec.servers[0].cores",
        "spec.servers[0].endpoints[0].memory",
        "spec.servers[0].endpoints[0].steps[1].pool",
        "spec.servers[0].endpoints[0].steps[1].steps[0].io",
        "spec.workloads[0].entry",
        "spec.workloads[0].timeout",
    ]


def test_a_misspelt_required_key_is_one_problem(document: dict[str, Any]) -> None:
    document["spec"]["servers"][0]["core"] = document["spec"]["servers"][0].pop("cores")
    assert problems_of(document) == [
        "spec.servers[0].core: expected a known key, found 'core' (did you mean 'cores'?)"
    ]


def test_a_mix_is_required_when_there_is_a_choice(document: dict[str, Any]) -> None:
    put(document, "spec/servers/0/endpoints/1", {"name": "/other", "steps": [{"io": "1ms"}]})
    assert problems_of(document) == [
        (
            "spec.workloads[0].mix: expected a mix of endpoints, found nothing "
            "(the reachable servers have several endpoints: /api, /other)"
        )
    ]


def test_lines_point_at_the_values(smallest_text: str) -> None:
    text = smallest_text.replace("horizon: 60s", "horizon: 60").replace("entry: app", "entyr: app")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(text)
    assert caught.value.problems == (
        Problem(
            "spec.horizon",
            6,
            12,
            "a duration such as 12ms, 1.5s or 2m",
            "60",
            "a bare number has no unit: write 60ms or 60s",
        ),
        Problem("spec.workloads[0].entyr", 9, 7, "a known key", "'entyr'", "did you mean 'entry'?"),
    )


def test_the_error_reads_well_and_says_what_to_do(smallest_text: str) -> None:
    with pytest.raises(PermanentError) as caught:
        load_scenario(smallest_text.replace("cores: 1", "cores: many"))
    assert str(caught.value) == (
        "1 problem in the scenario:\n  line 13, column 14: spec.servers[0].cores: expected a whole number "
        "of cores from 1 "
        "to 10,000, such as 2, found 'many'"
    )
    assert "headroom explain" in caught.value.next_step


def test_the_error_survives_a_process_boundary() -> None:
    error = ScenarioError([Problem("spec", 1, 2, "a", "b", "c", "d")], "file.yaml")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (again.problems, again.source, str(again)) == (error.problems, error.source, str(error))


@pytest.mark.parametrize(
    "document", [None, 5, "text", [], {}, {"spec": None}, {"spec": []}, {"spec": {}}, {1: 2}]
)
def test_what_is_no_scenario_at_all_is_refused(document: object) -> None:
    with pytest.raises(ScenarioError):
        load_scenario(yaml.safe_dump(document))


def test_deep_nesting_is_refused(smallest: dict[str, Any]) -> None:
    step: dict[str, Any] = {"io": "1ms"}
    for _ in range(500):
        step = {"pool": "db", "steps": [step]}
    smallest["spec"]["servers"][0]["endpoints"][0]["steps"] = [step]
    with pytest.raises(ScenarioError, match="at most 64 levels of nesting"):
        Scenario.from_dict(smallest)
