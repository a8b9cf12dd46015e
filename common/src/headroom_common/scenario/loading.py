"""From YAML to a checked scenario: Headroom's own format or AsyncFlow's, with overrides and warnings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from headroom_common.scenario.base import describe
from headroom_common.scenario.document import MAX_BYTES, MAX_PROBLEMS, Node, read_yaml
from headroom_common.scenario.draft import Loc
from headroom_common.scenario.expansion import expand_templates, used_templates, without_template
from headroom_common.scenario.model import Scenario
from headroom_common.scenario.overrides import Override, apply_overrides, is_for_templates, parse_overrides
from headroom_common.scenario.problems import Place, Problem, ScenarioError, finding_places, path_text, places
from headroom_common.scenario.suggestions import bounded
from headroom_common.scenario.topology import ServerSpec
from headroom_common.scenario.traces import inline_traces
from headroom_common.scenario.warnings import scenario_warnings

_TEMPLATES: Loc = ("spec", "templates", "servers")
_ASYNCFLOW_KEYS = frozenset({"rqs_input", "topology_graph", "sim_settings"})
_LEAST_SERVER = {"name": "template", "cores": 1, "endpoints": [{"name": "any", "steps": [{"cpu": "1ms"}]}]}


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario ready to run.

    Attributes:
        scenario: the checked scenario.
        warnings: what its author should know though it runs, each with a path.
    """

    scenario: Scenario
    warnings: tuple[str, ...] = ()


def load_scenario(text_or_path: str | Path, *, overrides: Sequence[str] = ()) -> LoadedScenario:
    """Load a scenario in Headroom's or AsyncFlow's YAML.

    Args:
        text_or_path: a `Path` is read as a file; a text is the YAML itself, which may then name no trace
            files.
        overrides: changes such as `spec.servers[0].replicas=4` or `spec.servers[app].cores=8`, values in
            YAML.

    Raises:
        ScenarioError: something is wrong; every problem is listed with path and line, the first 100 at most.
    """
    with bounded():
        return _load(text_or_path, parse_overrides(overrides))


def with_values(scenario: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return a canonical scenario, canonical again, with values put in.

    Args:
        scenario: as a plain document.
        values: by path, as of overrides.

    Raises:
        ScenarioError: what it gives is not valid.
    """
    overrides = [f"{path}={value}" for path, value in values.items()]
    return load_scenario(json.dumps(scenario), overrides=overrides).scenario.canonical()


def _load(text_or_path: str | Path, changes: Sequence[Override]) -> LoadedScenario:
    source, text, folder = _read(text_or_path)
    tree = read_yaml(text, source)
    document = tree.plain()
    loading = _Loading(source, tree, folder)
    if _is_asyncflow(document):
        from headroom_common.scenario import asyncflow  # noqa: PLC0415 - models that most runs need not wait for

        try:
            converted = asyncflow.convert_asyncflow(document, Path(source).stem)
        except asyncflow.ConversionError as error:
            raise loading.failure(error.places) from error
        # The lines of AsyncFlow's document say nothing about the scenario made of it.
        return _Loading(source, None, folder).finish(converted.document, changes, converted.warnings)
    return loading.finish(document, changes, ())


def _is_asyncflow(document: object) -> bool:
    """Tell whether *document* is meant as AsyncFlow's format."""
    return isinstance(document, dict) and bool(_ASYNCFLOW_KEYS & document.keys()) and "spec" not in document


def _read(text_or_path: str | Path) -> tuple[str, str | bytes, Path | None]:
    """Return the source's name, its content and its folder (None for a text)."""
    if isinstance(text_or_path, str):
        return "", text_or_path, None
    source = str(text_or_path)
    try:
        with text_or_path.open("rb") as file:
            # One byte more than allowed is enough for the reader to refuse it.
            return source, file.read(MAX_BYTES + 1), text_or_path.parent
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise ScenarioError([Problem("", None, None, "a readable file", found)], source) from error


@dataclass(slots=True)
class _Loading:
    """One document on its way to a scenario.

    Attributes:
        source: what errors call it.
        tree: its lines; None when it has none.
        folder: where trace files lie; None when it may name none.
        blame: the override that changed a place.
    """

    source: str
    tree: Node | None
    folder: Path | None
    blame: Mapping[Loc, str] | None = None

    def finish(self, document: Any, changes: Sequence[Override], notes: Sequence[str]) -> LoadedScenario:  # noqa: ANN401 - any YAML
        """Apply the overrides, expand, validate."""
        if not isinstance(document, dict):
            hint = (
                "to load a file, pass a pathlib.Path" if isinstance(document, str) and not self.source else ""
            )
            problem = Problem(
                "", None, None, "a mapping with apiVersion, kind, metadata and spec", describe(document), hint
            )
            raise ScenarioError([problem], self.source)
        unused: list[str] = []
        found: list[Place] = []
        incomplete: set[Loc] = set()
        blame = apply_overrides(document, [change for change in changes if is_for_templates(change)])
        spec = document.get("spec")
        if isinstance(spec, dict):
            unused, found = _check_unused_templates(spec)
            expanded, findings = expand_templates(spec)
            found += finding_places(findings, ("spec",))
            incomplete = without_template(findings)
            document = document | {"spec": expanded}
        blame |= apply_overrides(document, [change for change in changes if not is_for_templates(change)])
        self.blame = blame
        found += inline_traces(document, self.folder)
        try:
            scenario = Scenario.model_validate(document)
        except ValidationError as error:
            wrong = places(error, Scenario, document)
            found += [place for place in wrong if not (place.is_missing and place.loc[1:3] in incomplete)]
        if found:
            raise self.failure(found)
        return LoadedScenario(scenario, (*notes, *unused, *scenario_warnings(scenario)))

    def failure(self, found: Sequence[Place]) -> ScenarioError:
        """Return the error for *found*, each with its line, in the order of the document."""
        problems = dict.fromkeys(self._locate(place) for place in found)
        ordered = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        return ScenarioError(ordered[:MAX_PROBLEMS], self.source)

    def _locate(self, place: Place) -> Problem:
        for length in range(len(place.loc), 0, -1):
            override = (self.blame or {}).get(place.loc[:length])
            if override is not None:
                return replace(place.problem, override=override)
        if self.tree is None:
            return place.problem
        loc, position = _find(self.tree, place)
        return replace(place.problem, path=path_text(loc), line=position.line, column=position.column)


def _find(tree: Node, place: Place) -> tuple[Loc, Node]:
    """Return the place, moved into the template if it came from there, and the nearest node with a line."""
    depth, node = _deepest(tree, place.loc, is_key=place.is_key)
    is_in_server = place.loc[:2] == ("spec", "servers") and len(place.loc) > 3  # noqa: PLR2004 - spec.servers[i].key
    if depth < len(place.loc) and is_in_server:
        server = _deepest(tree, place.loc[:3])[1]
        template = server.child("template")
        if template is not None and isinstance(template.value, str):
            moved = (*_TEMPLATES, template.value, *place.loc[3:])
            moved_depth, moved_node = _deepest(tree, moved, is_key=place.is_key)
            if moved_depth > len(_TEMPLATES) + 1:
                return moved, moved_node
    return place.loc, node


def _deepest(tree: Node, loc: Loc, *, is_key: bool = False) -> tuple[int, Node]:
    """Return how far *loc* leads, and the node there (the key itself if *is_key* and it leads to the end)."""
    node = tree
    for depth, part in enumerate(loc):
        below = node.child(part)
        if below is None:
            return depth, node
        if is_key and depth == len(loc) - 1 and node.entries is not None:
            return len(loc), node.entries[part][0]
        node = below
    return len(loc), node


def _check_unused_templates(spec: dict[str, Any]) -> tuple[list[str], list[Place]]:
    """Return warnings for templates that no server uses, and what is wrong inside them."""
    templates = spec.get("templates")
    servers = templates.get("servers") if isinstance(templates, dict) else None
    warnings: list[str] = []
    found: list[Place] = []
    used = used_templates(spec)
    for name, body in (servers if isinstance(servers, dict) else {}).items():
        if name in used:
            continue
        loc: Loc = (*_TEMPLATES, str(name))
        warnings.append(f"{path_text(loc)}: template '{name}' is used by no server")
        if not isinstance(body, dict):
            continue  # expanding the templates reports it
        complete = _LEAST_SERVER | {
            key: value for key, value in body.items() if key not in ("name", "template")
        }
        try:
            TypeAdapter(ServerSpec).validate_python(complete)
        except ValidationError as error:
            for place in places(error, ServerSpec, complete):
                moved = (*loc, *place.loc)
                found.append(Place(moved, replace(place.problem, path=path_text(moved)), place.is_key))
    return warnings, found
