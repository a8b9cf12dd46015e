"""The generated part of ``docs/services.md``: every setting, its default and what it means."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from headroom_common.service.settings import NESTED, PREFIX, ServiceSettings

_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)", re.DOTALL | re.MULTILINE)
_OF_THE_MACHINE: Mapping[str, str] = {"instance": "`<host>-<process id>`", "threads": "one per core"}


def generated() -> str:
    """Return the generated part as Markdown."""
    lines = ["## Settings", "", "| variable | default | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {default} | {text} |" for name, default, text in settings_of(ServiceSettings)]
    return "\n".join([*lines, ""])


def settings_of(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[tuple[str, str, str]]:
    """Return variable, default and meaning of every setting of a model, nested ones one by one."""
    meanings = meanings_of(model)
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings_of(inner, f"{prefix}{name.upper()}{NESTED}")
        else:
            yield f"{prefix}{name.upper()}", _default(name, field), meanings[name]


def meanings_of(model: type[BaseModel]) -> dict[str, str]:
    """Return what a model's docstring says of each of its attributes, on one line."""
    _, _, attributes = (inspect.getdoc(model) or "").partition("Attributes:\n")
    found = _ATTRIBUTE.findall(f"{attributes}\n")
    return {name: " ".join(text.split()).replace("``", "`") for name, text in found}


def _default(name: str, field: FieldInfo) -> str:
    value = field.default
    if name in _OF_THE_MACHINE:
        return _OF_THE_MACHINE[name]
    if isinstance(value, SecretStr):
        return f"`{value.get_secret_value()}`"
    return "none" if value is None else f"`{_written(value)}`"


def _written(value: object) -> str:
    """Return a value as the environment would hold it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Iterable) and not isinstance(value, str | Path):
        return f"[{', '.join(map(_written, value))}]"
    return str(value)
