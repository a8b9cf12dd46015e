"""What the schema knows about each of its fields, like `kubectl explain`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from headroom_common.errors import PermanentError
from headroom_common.scenario.introspect import Shape, child, fields_of, shape_of_field, shape_of_model
from headroom_common.scenario.model import Scenario, Spec
from headroom_common.scenario.suggestions import did_you_mean
from headroom_common.scenario.units import format_duration, format_memory, format_ratio

_Fields = tuple[tuple[str, str], ...]
_INDEX = re.compile(r"\[[^\]]*\]")


class UnknownFieldError(PermanentError):
    """A path that the schema does not know."""


@dataclass(frozen=True, slots=True)
class Child:
    """One field (or one branch) inside an explained one.

    Attributes:
        name: its key; for a branch the words that choose it, such as `kind: poisson`.
        type: what it takes.
        required: whether it must be given.
        description: what it means.
    """

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to know about one field.

    Attributes:
        path: the full path, such as `spec.servers.cores`.
        type: what it takes.
        required: whether it must be given.
        default: its default as text; None when there is none.
        description: what it means.
        examples: values as one would write them.
        children: the fields inside, or the branches to choose from.
    """

    path: str
    type: str
    required: bool
    default: str | None
    description: str
    examples: tuple[Any, ...]
    children: tuple[Child, ...]


def explain(path: str = "") -> Explanation:
    """Explain the field at *path*, such as `spec.servers.endpoints.steps`.

    The prefix `spec.` may be left out, and items are passed through without an index (`servers[0]` works
    too). A branch
    is chosen by its name: `workloads.arrivals.closed`, `servers.endpoints.steps.cpu`. An empty path
    explains the root.

    Raises:
        UnknownFieldError: there is no such field; the message says which one may be meant.
    """
    parts = [part for part in _INDEX.sub("", path).strip().strip(".").split(".") if part]
    root = shape_of_model(Scenario)
    if parts and parts[0] not in fields_of(root) and parts[0] in fields_of(shape_of_model(Spec)):
        parts = ["spec", *parts]
    shape, info, walked = root, None, list[str]()
    for part in parts:
        shape, info = _enter(shape, part, walked)
        walked.append(part)
    return _explanation(".".join(walked), shape, info)


@dataclass(frozen=True, slots=True)
class Below:
    """One field somewhere inside an explained one.

    Attributes:
        child: the field.
        depth: how deep it is inside, from 0.
        same_as: the path under which the fields inside it are told; None when they follow, or there are none.
    """

    child: Child
    depth: int
    same_as: str | None


def walk(explanation: Explanation) -> Iterator[Below]:
    """Return all fields below an explained one, depth first.

    What is the same in several places, or holds itself as steps hold steps, is entered once.
    """
    return _walk(explanation, 0, {_key(explanation): explanation.path})


def _walk(explanation: Explanation, depth: int, shown: dict[_Fields, str]) -> Iterator[Below]:
    for below in explanation.children:
        inner = explain(".".join(filter(None, (explanation.path, _part(below)))))
        place = shown.get(_key(inner)) if inner.children else None
        yield Below(below, depth, place)
        if inner.children and place is None:
            shown[_key(inner)] = inner.path
            yield from _walk(inner, depth + 1, shown)


def _part(below: Child) -> str:
    """Return the field's part of a path; a branch such as `kind: poisson` is entered by its name."""
    return below.name.rpartition(": ")[2]


def _key(explanation: Explanation) -> _Fields:
    """Return what tells the insides of two fields apart."""
    return tuple((below.name, below.type) for below in explanation.children)


def _enter(shape: Shape, part: str, walked: list[str]) -> tuple[Shape, FieldInfo | None]:
    inner = _item_of(shape)
    if inner.discriminator is not None and part in inner.members:
        return inner.members[part], None
    info = fields_of(inner).get(part)
    found = child(inner, part)
    if found is None or (info is None and inner.kind != "map"):
        choices = [*fields_of(inner), *(inner.members if inner.discriminator else ())]
        if not walked:
            choices += fields_of(shape_of_model(Spec))
        where = f"'{'.'.join(walked)}'" if walked else "a scenario"
        hint = did_you_mean(part, choices) if choices else "it has no fields inside"
        message = f"expected a field of {where}, found '{part}'" + (f" ({hint})" if hint else "")
        raise UnknownFieldError(message, next_step="`headroom explain` without a path lists the first level.")
    return found, info


def _item_of(shape: Shape) -> Shape:
    """Return what a list holds, any other shape as it is."""
    while shape.kind == "list" and shape.item is not None:
        shape = shape.item
    return shape


def _explanation(path: str, shape: Shape, info: FieldInfo | None) -> Explanation:
    inner = _item_of(shape)
    document = (inner.model.__doc__ or "") if inner.model is not None else ""
    paragraphs = [" ".join(text.split()) for text in document.split("\n\n") if text.strip()]
    if info is not None and info.description:
        paragraphs = [info.description, *(paragraphs if inner.kind == "model" else [])]
    return Explanation(
        path=path,
        type="mapping" if shape.kind == "model" else shape.label,
        required=info is not None and info.is_required(),
        default=None if info is None else default_text(info),
        description="\n\n".join(paragraphs),
        examples=tuple(info.examples or ()) if info is not None else (),
        children=tuple(_children(inner)),
    )


def _children(shape: Shape) -> list[Child]:
    if shape.kind == "union":
        if shape.discriminator is None:  # any one of the branches, so no key of theirs is required
            branches = [entry for member in shape.members.values() for entry in _children(member)]
            return [replace(entry, required=False) for entry in branches]
        return [
            Child(f"{shape.discriminator}: {tag}", "mapping", required=False, description=member.label + ".")
            for tag, member in shape.members.items()
        ]
    return [
        Child(key, type_text(info), required=info.is_required(), description=info.description or "")
        for key, info in fields_of(shape).items()
    ]


def type_text(info: FieldInfo) -> str:
    """Return what a field takes, in a word or two."""
    shape = shape_of_field(info)
    return "mapping" if shape.kind == "model" else shape.label


def default_text(info: FieldInfo) -> str | None:
    """Return a field's default as one would write it; None when it has none or it depends on other fields."""
    value = info.default
    if value is PydanticUndefined or info.default_factory is not None or value is None:
        return None
    label = shape_of_field(info).label
    if label.startswith("duration"):
        return format_duration(value)
    if label.startswith("memory"):
        return format_memory(value)
    if label == "ratio":
        return format_ratio(value)
    if value == ():
        return "[]"
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'
