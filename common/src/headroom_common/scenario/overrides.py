"""Overrides such as `spec.servers[app].replicas=4`, applied to a document before it is validated."""

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from headroom_common.scenario.base import describe
from headroom_common.scenario.document import read_yaml
from headroom_common.scenario.draft import Loc
from headroom_common.scenario.introspect import Shape, child, fields_of, shape_of_model
from headroom_common.scenario.model import Scenario
from headroom_common.scenario.problems import Problem, ScenarioError, path_text
from headroom_common.scenario.suggestions import did_you_mean

_MAX_DIGITS: Final = 9
_PART: Final = re.compile(r"\.?(?P<key>[^.\[\]=\s]+)|\[(?P<item>[^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Override:
    """One parsed override.

    Attributes:
        text: as the user gave it.
        parts: keys, and list items as `[0]` or `[name]` with their brackets.
        value: the new value.
    """

    text: str
    parts: tuple[str, ...]
    value: Any


class _RefusedError(Exception):
    """Carries a problem out of the walk through a document."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Here:
    """A place on the way of an override, which knows how to refuse the next step."""

    override: Override
    loc: Loc
    value: Any
    shape: Shape | None

    def refuse(self, expected: str, found: str, hint: str = "") -> NoReturn:
        problem = Problem(path_text(self.loc), None, None, expected, found, hint, self.override.text)
        raise _RefusedError(problem)


def parse_override(text: str) -> Override:
    """Split `path=value` and read the value as YAML.

    Raises:
        ScenarioError: the text has no `=`, no readable path, or its value is no YAML.
    """
    path, equals, value = text.partition("=")
    parts = []
    position = 0
    path = path.strip()
    while position < len(path):
        match = _PART.match(path, position)
        if match is None:
            break
        parts.append(match["key"] or f"[{match['item']}]")
        position = match.end()
    if not equals or not parts or position < len(path):
        expected = "PATH=VALUE such as spec.servers[0].replicas=4 or spec.servers[app].cores=8"
        raise ScenarioError([Problem("", None, None, expected, describe(text), override=text)])
    try:
        parsed = read_yaml(value).plain() if value.strip() else None
    except ScenarioError as error:
        words = error.problems[0]
        raise ScenarioError(
            [Problem(path, None, None, words.expected, words.found, words.hint, override=text)]
        ) from error
    return Override(text, tuple(parts), parsed)


def parse_overrides(texts: Sequence[str]) -> list[Override]:
    """Parse all of *texts*.

    Raises:
        ScenarioError: with the problems of all that are wrong.
    """
    parsed: list[Override] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            parsed.append(parse_override(text))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems, "the overrides")
    return parsed


def apply_overrides(document: Any, overrides: Sequence[Override]) -> dict[Loc, str]:  # noqa: ANN401 - a plain document
    """Change *document* in place.

    Returns:
        The text of each override by the place it changed.

    Raises:
        ScenarioError: some path leads nowhere; every such override is listed.
    """
    blame: dict[Loc, str] = {}
    problems: list[Problem] = []
    for override in overrides:
        try:
            blame[_apply(document, override)] = override.text
        except _RefusedError as refusal:
            problems.append(refusal.problem)
    if problems:
        raise ScenarioError(problems, "the overrides")
    return blame


def value_at(document: Any, path: str) -> Any:  # noqa: ANN401 - a plain document
    """Return what is at the path of an override, None where nothing is yet.

    Args:
        document: a scenario as plain values.
        path: such as `spec.servers[app].cores`.

    Raises:
        ScenarioError: the path is none, or leads nowhere.
    """
    try:
        here, last = _reach(deepcopy(document), parse_override(f"{path}=null"))
    except _RefusedError as refusal:
        raise ScenarioError([replace(refusal.problem, override="")]) from refusal
    return here.value.get(last) if isinstance(here.value, dict) else here.value[last]


def is_for_templates(override: Override) -> bool:
    """Tell whether the override changes a template, and so must be applied before templates are merged."""
    return override.parts[:2] == ("spec", "templates")


def _apply(document: Any, override: Override) -> Loc:  # noqa: ANN401 - a plain document
    here, last = _reach(document, override)
    here.value[last] = override.value
    return (*here.loc, last)


def _reach(document: Any, override: Override) -> tuple[_Here, int | str]:  # noqa: ANN401 - a plain document
    """Return the mapping or list that an override changes, made on the way, and the key or index in it."""
    here = _Here(override, (), document, shape_of_model(Scenario))
    for part in override.parts[:-1]:
        here = _into(_around(here, part), part)
    here = _around(here, override.parts[-1])
    return here, _step(here, override.parts[-1])


def _into(here: _Here, part: str) -> _Here:
    """Return the place that *part* names in the one at *here*; what is not there yet is made."""
    step = _step(here, part)
    shape = None if here.shape is None else child(here.shape, step)
    if isinstance(here.value, dict) and here.value.get(step) is None:
        here.value[step] = [] if shape is not None and shape.kind == "list" else {}
    return _Here(here.override, (*here.loc, step), here.value[step], shape)


def _around(here: _Here, part: str) -> _Here:
    """Return the place whose key *part* is: the one at *here*, or the only part of it that has such a key.

    So `spec.workloads[0].rate` finds the rate of the workload's arrivals.
    """
    value, shape = here.value, here.shape
    if not isinstance(value, dict) or part in value or shape is None or shape.kind not in ("model", "union"):
        return here
    if part.startswith("[") or part in fields_of(shape):
        return here
    inner = [_into(here, str(key)) for key, inside in value.items() if isinstance(inside, dict)]
    having = [
        one for one in inner if part in one.value or (one.shape is not None and part in fields_of(one.shape))
    ]
    return having[0] if len(having) == 1 else here


def _step(here: _Here, part: str) -> int | str:
    """Return the key or index that *part* names in the value at *here*."""
    value = here.value
    if part.startswith("["):
        if not isinstance(value, list):
            here.refuse("a list", describe(value), f"{part} picks an item of a list")
        return _index(here, part[1:-1])
    if not isinstance(value, dict):
        hint = f"pick an item first, such as {path_text(here.loc)}[0]" if isinstance(value, list) else ""
        here.refuse(f"a mapping with the key '{part}'", describe(value), hint)
    if here.shape is not None and here.shape.kind in ("model", "union"):
        known = set(map(str, value)) | set(fields_of(here.shape))
        if part not in known:
            here.refuse("a known key", f"'{part}'", did_you_mean(part, sorted(known)))
    return part


def _index(here: _Here, wanted: str) -> int:
    items: list[Any] = here.value
    if wanted.isdecimal():
        if len(wanted) > _MAX_DIGITS or int(wanted) >= len(items):
            here.refuse(f"an index below {len(items)}", wanted)
        return int(wanted)
    by_name: dict[str, int] = {}
    for index, item in enumerate(items):
        for key in ("name", "endpoint", "server"):
            if isinstance(item, dict) and isinstance(item.get(key), str):
                by_name.setdefault(item[key], index)
                break
    if wanted not in by_name:
        here.refuse("the index or the name of an item", f"'{wanted}'", did_you_mean(wanted, by_name))
    return by_name[wanted]
