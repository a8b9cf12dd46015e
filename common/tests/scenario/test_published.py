"""What is published: the JSON Schema, the reference page, and the examples."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from common.tests.scenario.strategies import scenarios
from common.tests.scenario.test_problems import DELETED, put
from headroom_common.scenario import Scenario, json_schema, load_scenario, to_yaml

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted(ROOT.glob("examples/*.yaml"))
PEER_EXAMPLES = sorted(ROOT.glob("examples/asyncflow/*.yml"))
VALIDATOR = jsonschema.Draft202012Validator(json_schema())
MAX_REQUESTS = 1_100_000
"""Of ten replications, so that every example runs in seconds."""


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_the_published_files_are_up_to_date() -> None:
    script = ROOT / "scripts" / "generate_scenario_docs.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8
    assert len(PEER_EXAMPLES) == 3


@pytest.mark.parametrize("path", EXAMPLES, ids=names(EXAMPLES))
def test_every_example_is_valid_for_editors_too(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../docs/scenario.schema.json\n")
    assert not list(VALIDATOR.iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize("path", EXAMPLES, ids=names(EXAMPLES))
def test_every_example_loads_without_a_warning(path: Path) -> None:
    loaded = load_scenario(path)
    assert loaded.warnings == ()
    assert loaded.scenario.spec.objectives
    assert loaded.scenario.metadata.name == path.stem
    assert loaded.scenario.metadata.description


@pytest.mark.parametrize("path", EXAMPLES, ids=names(EXAMPLES))
def test_every_suggestion_of_an_example_can_be_tried(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    suggestions = [quoted or bare for quoted, bare in re.findall(r"--set (?:'([^']+)'|(\S+))", text)]
    assert suggestions
    for suggestion in suggestions:
        assert load_scenario(path, overrides=[suggestion]).scenario != load_scenario(path).scenario


def requests(scenario: Scenario) -> float:
    """Return the expected number of requests of one trial, from above."""
    total = 0.0
    for workload in scenario.canonical()["spec"]["workloads"]:
        match workload["arrivals"]:
            case {"rate": str(rate)}:
                per_second = float(rate.removesuffix("/s"))
            case {"rate": {"points": points}}:
                per_second = max(float(point["rate"].removesuffix("/s")) for point in points)
            case {"users": int(users)}:
                per_second = users
            case arrivals:
                per_second = (
                    arrivals["users"]["mean"] * float(arrivals["rate_per_user"].removesuffix("/min")) / 60
                )
        total += per_second * scenario.spec.horizon / 1e9
    return total


@pytest.mark.parametrize("path", EXAMPLES + PEER_EXAMPLES, ids=names(EXAMPLES + PEER_EXAMPLES))
def test_ten_replications_of_an_example_run_in_seconds(path: Path) -> None:
    assert requests(load_scenario(path).scenario) * 10 <= MAX_REQUESTS


@pytest.mark.parametrize("path", PEER_EXAMPLES, ids=names(PEER_EXAMPLES))
def test_the_examples_in_asyncflows_format_convert(path: Path) -> None:
    loaded = load_scenario(path)
    assert loaded.warnings
    text = to_yaml(loaded.scenario)
    assert load_scenario(text).scenario == loaded.scenario
    assert not list(VALIDATOR.iter_errors(yaml.safe_load(text)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios())
def test_the_schema_accepts_whatever_the_models_accept(document: dict[str, Any]) -> None:
    scenario = Scenario.from_dict(document)
    for form in (document, scenario.canonical(), yaml.safe_load(to_yaml(scenario))):
        assert not list(VALIDATOR.iter_errors(form))


IN_ONE_PLACE = (
    "a known key",
    "required key",
    "expected one of",
    "has no unit",
    "a whole number",
    "a mapping with exactly one",
    "a list of at least",
)
"""What a JSON Schema can state; rules between values are the models' alone."""


CASES = [
    case
    for case in yaml.safe_load(Path(__file__).with_name("problems.yaml").read_text(encoding="utf-8"))
    if any(words in case["problem"] for words in IN_ONE_PLACE) and "objectives/0" not in case["path"]
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['path']}-{n}" for n, case in enumerate(CASES)])
def test_the_schema_refuses_what_the_models_refuse_in_one_place(
    document: dict[str, Any], case: dict[str, Any]
) -> None:
    put(document, case["path"], case.get("value", DELETED))
    assert list(VALIDATOR.iter_errors(document))
