"""A tolerant view of a spec that is not yet validated.

References and sums over several objects are checked on this view, so that they are reported together with the
problems of single fields instead of one round later. Whatever has the wrong shape is skipped here: its own
model
reports it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from headroom_common.scenario.base import fault, refuse
from headroom_common.scenario.objectives import Objective

MAX_DEPTH = 64

Loc = tuple[int | str, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem at one place, before it has a line.

    Attributes:
        loc: keys and indexes from the spec down.
        error: what was expected, what was found.
    """

    loc: Loc
    error: PydanticCustomError

    @classmethod
    def of(cls, loc: Loc, expected: str, found: object, hint: str = "", *, text: bool = False) -> "Finding":
        """Build a finding from the words of `fault`."""
        return cls(loc, fault(expected, found, hint, text=text, tagged=False))


def plain(value: object, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON-able value
    """Return *value* with models written out and tuples as lists, so that it looks as if it came from YAML.

    Raises:
        ValueError: the value is nested deeper than 64 levels.
    """
    if depth > MAX_DEPTH:
        refuse(f"at most {MAX_DEPTH} levels of nesting", "more", text=True)
    if isinstance(value, str):
        return value
    if isinstance(value, Objective):
        return value.text
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, Mapping):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    return value


def quietly(parse: Callable[[object], T], value: object) -> T | None:
    """Return what *parse* makes of *value*, or None when it refuses (the field's own model says why)."""
    try:
        return parse(value)
    except ValueError:
        return None


def mappings(parent: object, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield index and item of the mappings in the list *parent[key]*, if it is one."""
    items = parent.get(key) if isinstance(parent, dict) else None
    if isinstance(items, list):
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield index, item


def texts(parent: object, key: str) -> Iterator[tuple[int, str]]:
    """Yield index and item of the texts in the list *parent[key]*, if it is one."""
    items = parent.get(key) if isinstance(parent, dict) else None
    if isinstance(items, list):
        for index, item in enumerate(items):
            if isinstance(item, str):
                yield index, item


def names(parent: object, key: str) -> dict[str, int]:
    """Return the names in the list *parent[key]* with the index of their first bearer."""
    found: dict[str, int] = {}
    for index, item in mappings(parent, key):
        if isinstance(item.get("name"), str):
            found.setdefault(item["name"], index)
    return found


class Draft:
    """The names and connections of a raw spec.

    Args:
        spec: the spec as YAML gave it, templates already expanded.

    Attributes:
        spec: as given.
        links, routers, servers, workloads: index by name.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.links = names(spec, "links")
        self.routers = names(spec, "routers")
        self.servers = names(spec, "servers")
        self.workloads = names(spec, "workloads")

    def server(self, name: object) -> dict[str, Any] | None:
        """Return the raw server called *name*, if there is one."""
        index = self.servers.get(name) if isinstance(name, str) else None
        return None if index is None else self.spec["servers"][index]

    def reachable(self, workload: Mapping[str, Any]) -> list[str]:
        """Return the names of the servers that the workload's requests can reach, in file order."""
        entry = workload.get("entry")
        if not isinstance(entry, str):
            return []
        if entry not in self.routers:
            return [entry] if entry in self.servers else []
        router = self.spec["routers"][self.routers[entry]]
        targets = [target.get("server") for _, target in mappings(router, "targets")]
        known = [name for name in targets if isinstance(name, str) and name in self.servers]
        return list(dict.fromkeys(known))

    def endpoints(self, server: str) -> dict[str, int]:
        """Return the endpoints of the server called *server*: index by name."""
        return names(self.server(server), "endpoints")

    def reachable_endpoints(self, workload: Mapping[str, Any]) -> list[str]:
        """Return the endpoints that at least one reachable server has, in file order."""
        return list(
            dict.fromkeys(name for server in self.reachable(workload) for name in self.endpoints(server))
        )
