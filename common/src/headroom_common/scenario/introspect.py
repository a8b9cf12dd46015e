"""What the models say about themselves: the shape of every field, for explanations, suggestions and paths."""

import types
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag
from pydantic.fields import FieldInfo

from headroom_common.scenario.base import Label

Kind = Literal["model", "union", "list", "map", "scalar"]
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
_NATIVE = {str: "text", int: "whole number", float: "number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a place in a document takes.

    Attributes:
        kind: the kind of place.
        label: what a reader calls it, such as "duration" or "list of server".
        model: the model of a mapping with fixed keys.
        members: the branches of a union by tag.
        discriminator: the key that tells a union's branches apart; None when the branches' own keys do.
        item: the shape of a list's items, or of a free mapping's values.
        choices: the allowed words, when only some are.
    """

    kind: Kind
    label: str
    model: type[BaseModel] | None = None
    members: Mapping[str, "Shape"] = field(default_factory=dict)
    discriminator: str | None = None
    item: "Shape | None" = None
    choices: tuple[str, ...] = ()


def key_of(name: str, info: FieldInfo) -> str:
    """Return the YAML key of a field."""
    return info.alias or name


def fields_of(shape: Shape) -> dict[str, FieldInfo]:
    """Return the fields of a model by YAML key; of a union, those of all branches (the first one wins)."""
    if shape.model is not None:
        return {key_of(name, info): info for name, info in shape.model.model_fields.items()}
    found: dict[str, FieldInfo] = {}
    for member in shape.members.values():
        found = fields_of(member) | found
    return found


def shape_of_field(info: FieldInfo) -> Shape:
    """Return the shape of a model's field."""
    return shape_of(info.annotation, tuple(info.metadata), info.discriminator)


def shape_of_model(model: type[BaseModel]) -> Shape:
    """Return the shape of a mapping that *model* validates."""
    words = (model.__doc__ or model.__name__).splitlines()[0]
    return Shape("model", words.rstrip("."), model=model)


@cache
def _fields_shape(model: type[BaseModel], key: str) -> Shape | None:
    info = fields_of(shape_of_model(model)).get(key)
    return None if info is None else shape_of_field(info)


def child(shape: Shape, part: int | str) -> Shape | None:
    """Return the shape under *shape* at a key or an index, or None when there is none."""
    if shape.kind in ("list", "map"):
        return shape.item
    if shape.model is not None:
        return _fields_shape(shape.model, str(part))
    for member in shape.members.values():
        found = child(member, part)
        if found is not None:
            return found
    return None


def shape_of(
    annotation: Any,  # noqa: ANN401 - any type form
    metadata: tuple[Any, ...] = (),
    discriminator: str | Discriminator | None = None,
) -> Shape:
    """Return the shape of a type form as the scenario's models use them."""
    while get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        metadata = (*metadata, *inner)
    for item in metadata:
        if isinstance(item, FieldInfo):
            discriminator = discriminator or item.discriminator
            metadata = (*metadata, *item.metadata)
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not types.NoneType]
        if len(members) == 1:
            return shape_of(members[0], metadata, discriminator)
        return _named(_union(members, discriminator), metadata)
    if origin is tuple:
        item = shape_of(get_args(annotation)[0])
        return Shape("list", f"list of {_plural_label(item)}", item=item)
    if origin is dict:
        item = shape_of(get_args(annotation)[1])
        return Shape("map", "mapping from names", item=item)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return shape_of_model(annotation)
    return _scalar(annotation, metadata)


def _named(shape: Shape, metadata: tuple[Any, ...]) -> Shape:
    labels = [item.text for item in metadata if isinstance(item, Label)]
    return replace(shape, label=labels[-1]) if labels else shape


def _plural_label(shape: Shape) -> str:
    return {"model": "mappings", "union": "mappings"}.get(shape.kind, f"{shape.label}s")


def _union(members: list[Any], discriminator: str | Discriminator | None) -> Shape:
    key = discriminator if isinstance(discriminator, str) else None
    by_tag: dict[str, Shape] = {}
    for member in members:
        shape = shape_of(member)
        tags = [item.tag for item in get_args(member)[1:] if isinstance(item, Tag)]
        if key is not None and shape.model is not None:
            tags = list(get_args(shape.model.model_fields[key].annotation))
        by_tag |= dict.fromkeys(tags, shape)
    words = [shape.label if shape.kind == "scalar" else "mapping" for shape in by_tag.values()]
    return Shape("union", " or ".join(dict.fromkeys(words)), members=by_tag, discriminator=key)


def _scalar(annotation: Any, metadata: tuple[Any, ...]) -> Shape:  # noqa: ANN401 - any type form
    if get_origin(annotation) is Literal:
        choices = tuple(str(choice) for choice in get_args(annotation))
        return Shape(
            "scalar", "one of " + ", ".join(choices) if len(choices) > 1 else choices[0], choices=choices
        )
    return _named(Shape("scalar", _NATIVE.get(annotation, "any value") + _bounds(metadata)), metadata)


def _bounds(metadata: tuple[Any, ...]) -> str:
    words = [
        f"{word} {number_text(getattr(item, bound))}"
        for item in metadata
        for bound, word in _BOUNDS.items()
        if hasattr(item, bound)
    ]
    return " " + ", ".join(words) if words else ""


def number_text(number: Any) -> str:  # noqa: ANN401 - whatever can be compared can be a bound
    """Return a bound as a reader writes it: `1,000,000` rather than `1000000.0`."""
    return f"{int(number):,}" if isinstance(number, float) and number.is_integer() else f"{number:,}"
