"""AsyncFlow's YAML turned into a Headroom scenario, with a warning wherever the two would differ.

AsyncFlow's way of a request (generator, client, load balancer, server, client) becomes a workload that
crosses the
first edges (`via`), a router with one target per server, and the edge back to the client as `return_via`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from headroom_common.scenario.asyncflow_conversion import Conversion, endpoint_names
from headroom_common.scenario.asyncflow_graph import Paths, find_paths, server_loc
from headroom_common.scenario.asyncflow_schema import Payload
from headroom_common.scenario.draft import Finding, Loc
from headroom_common.scenario.introspect import fields_of, shape_of_model
from headroom_common.scenario.problems import Place, finding_places, path_text, places
from headroom_common.scenario.suggestions import nearest


class ConversionError(Exception):
    """An AsyncFlow document with problems.

    Attributes:
        places: the problems with their places in the AsyncFlow document.
    """

    def __init__(self, found: list[Place]) -> None:
        super().__init__(f"{len(found)} problems")
        self.places = found


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion gives.

    Attributes:
        document: the Headroom scenario as its YAML would give it.
        warnings: where Headroom and AsyncFlow differ, each with its path in the AsyncFlow document.
    """

    document: dict[str, Any]
    warnings: tuple[str, ...]


def convert_asyncflow(document: dict[str, Any], name: str = "") -> Converted:
    """Convert a plain AsyncFlow document.

    Args:
        document: the document, as its YAML gives it.
        name: what to call the scenario; by default the generator's id.

    Raises:
        ConversionError: something is wrong with it, or Headroom can't express it.
    """
    try:
        payload = Payload.model_validate(document)
    except ValidationError as error:
        raise ConversionError(places(error, Payload, document)) from error
    paths, findings = find_paths(payload)
    findings += [*_memory_findings(payload, paths), *_endpoint_findings(payload, paths)]
    if findings:
        raise ConversionError(finding_places(findings))
    conversion = Conversion(payload, paths)
    converted = conversion.build(name or payload.rqs_input.id)
    return Converted(converted, (*_unknown_keys(payload, ()), *conversion.warnings))


def _memory_findings(payload: Payload, paths: Paths) -> Iterator[Finding]:
    for branch in paths.branches:
        capacity = branch.server.server_resources.ram_mb
        for index, endpoint in enumerate(branch.server.endpoints):
            need = sum(step.amount for step in endpoint.steps if step.kind == "ram")
            if need > capacity:
                loc = (*server_loc(payload, branch.server), "endpoints", index)
                hint = "such a request would wait for ever; in AsyncFlow it does, and says nothing"
                found = f"ram steps of {need:g} MB in all"
                yield Finding.of(loc, f"at most the server's ram_mb of {capacity}", found, hint, text=True)


def _endpoint_findings(payload: Payload, paths: Paths) -> Iterator[Finding]:
    """Yield what keeps the servers' endpoints from being one workload's mix."""
    for branch in paths.branches:
        loc = (*server_loc(payload, branch.server), "endpoints")
        own = endpoint_names(branch.server)
        for index, name in enumerate(own):
            if name in own[:index]:
                yield Finding.of(
                    (*loc, index, "endpoint_name"), "a unique name", f"'{name}' again", text=True
                )
        first = endpoint_names(paths.branches[0].server)
        if len(own) != len(first):
            hint = (
                "each server draws among its own endpoints in AsyncFlow; in Headroom the workload's mix "
                "decides"
            )
            expected = f"as many endpoints as the first server has, {len(first)}"
            yield Finding.of(loc, expected, str(len(own)), hint, text=True)


def _unknown_keys(part: BaseModel, loc: Loc) -> Iterator[str]:
    known = list(fields_of(shape_of_model(type(part))))
    for key in part.model_extra or {}:
        near = nearest(key, known)
        hint = f" (did you mean '{near}'?)" if near else ""
        yield f"{path_text((*loc, key))}: AsyncFlow ignores this unknown key silently; so does Headroom{hint}"
    for key in known:
        value = getattr(part, key)
        if isinstance(value, BaseModel):
            yield from _unknown_keys(value, (*loc, key))
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, BaseModel):
                    yield from _unknown_keys(item, (*loc, key, index))
