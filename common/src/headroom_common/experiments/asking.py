"""Asking for an experiment: everything that is wrong with it is said before anything is simulated."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from headroom_common.experiments.capacity import search_of
from headroom_common.experiments.model import Capacity, Compare, Experiment, Sensitivity, Sweep
from headroom_common.scenario import Scenario
from headroom_common.scenario.base import describe
from headroom_common.scenario.loading import load_scenario
from headroom_common.scenario.objectives import parse_measured
from headroom_common.scenario.problems import Problem, ScenarioError, places
from headroom_common.scenario.suggestions import did_you_mean
from headroom_common.scenario.variations import parse_variation

_MOST_TRIED: Final = 64
"""Values of one list that are all tried; of longer ones the first and the last."""


def experiment_of(scenario: Scenario, plan: Mapping[str, Any], **options: Any) -> Experiment:  # noqa: ANN401 - the fields of `Experiment`
    """Return a checked experiment.

    Args:
        scenario: what it is about.
        plan: its kind, and what that kind needs.
        options: the other fields of `Experiment`; what is not given has its default.

    Raises:
        ScenarioError: something is wrong; every problem is listed with its path.
    """
    asked = {"scenario": scenario.canonical(), "plan": dict(plan), **options}
    try:
        experiment = Experiment.model_validate(asked)
    except ValidationError as error:
        found = [place.problem for place in places(error, Experiment, asked)]
        raise ScenarioError(dict.fromkeys(found), "the experiment") from error
    check(experiment)
    return experiment


def check(experiment: Experiment) -> None:
    """Find out whether every value that is put into the scenario gives a valid one.

    Values are tried one at a time, of ranges and long lists the two ends: what is wrong with a combination
    alone is found when its turn comes.

    Raises:
        ScenarioError: one does not; the problems of all are listed.
    """
    text = json.dumps(experiment.scenario)
    problems: list[Problem] = []
    for override in _tried(experiment):
        try:
            load_scenario(text, overrides=[override])
        except ScenarioError as error:
            # The place may be another one: what the value makes wrong. Lines of the JSON above help nobody.
            problems += [
                replace(problem, line=None, column=None, override=override) for problem in error.problems
            ]
    plan = experiment.plan
    if isinstance(plan, Compare):
        try:
            load_scenario(json.dumps(plan.other))
        except ScenarioError as error:
            problems += [
                replace(problem, path=f"plan.other.{problem.path}", line=None, column=None)
                for problem in error.problems
            ]
    if isinstance(plan, Capacity):
        try:
            search_of(experiment.scenario, plan)
        except ScenarioError as error:
            problems += [replace(problem, line=None, column=None) for problem in error.problems]
    if isinstance(plan, Sensitivity):
        problems += _problems_of_metric(experiment.scenario["spec"], plan.metric)
    if problems:
        raise ScenarioError(dict.fromkeys(problems), "the experiment")


def _problems_of_metric(spec: Mapping[str, Any], text: str) -> Iterable[Problem]:
    """Tell when a metric is of something that a scenario does not have."""
    measured = parse_measured(text)
    kind, name = measured.kind, measured.name
    if kind is None or name is None:
        return
    holders = [spec] if kind != "endpoint" else spec["servers"]
    names = dict.fromkeys(one["name"] for holder in holders for one in holder[f"{kind}s"])
    if name not in names:
        expected = f"a metric of {'an' if kind == 'endpoint' else 'a'} {kind} that the scenario has"
        yield Problem("plan.metric", None, None, expected, describe(text), did_you_mean(name, names))


def _tried(experiment: Experiment) -> Iterable[str]:
    match experiment.plan:
        case Sweep(vary=texts) | Sensitivity(vary=texts):
            for text in texts:
                variation = parse_variation(text)
                every = variation.range is None and len(variation.values) <= _MOST_TRIED
                ends = variation.values if every else (variation.at(0.0), variation.at(1.0))
                yield from (variation.override(value) for value in ends)
        case _:
            return
