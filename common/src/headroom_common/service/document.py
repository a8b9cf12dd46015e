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


def generated(own: Mapping[str, type[ServiceSettings]]) -> str:
    """Return the generated part as Markdown.

    Args:
        own: settings of services that have more than all share, by the service.
    """
    shared = list(settings_of(ServiceSettings))
    lines = ["## Settings", "", *_table(shared)]
    for service, model in own.items():
        more = [row for row in settings_of(model) if row not in shared]
        lines += ["", f"### Of {service} alone", "", *_table(more)]
    return "\n".join([*lines, ""])


def _table(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    yield from ("| variable | default | meaning |", "| --- | --- | --- |")
    for name, default, text in rows:
        yield f"| `{name}` | {default} | {text} |"


def settings_of(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[tuple[str, str, str]]:
    """Return variable, default and meaning of every setting of a model, nested ones one by one."""
    meanings = meanings_of(*model.__mro__)
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings_of(inner, f"{prefix}{name.upper()}{NESTED}")
        else:
            yield f"{prefix}{name.upper()}", _default(name, field), meanings[name]


def meanings_of(*classes: type) -> dict[str, str]:
    """Return what docstrings say of attributes, on one line each; the first class goes before the others."""
    meanings: dict[str, str] = {}
    for kind in classes:
        _, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
        for name, text in _ATTRIBUTE.findall(f"{attributes}\n"):
            meanings.setdefault(name, " ".join(text.split()).replace("``", "`"))
    return meanings


def _default(name: str, field: FieldInfo) -> str:
    value = field.default
    if name in _OF_THE_MACHINE:
        return _OF_THE_MACHINE[name]
    if field.is_required():
        return "required"
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
