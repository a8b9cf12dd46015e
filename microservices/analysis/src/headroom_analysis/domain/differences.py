"""Where two scenarios differ, as paths that overrides understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SHOWN = 400
"""Of a longer value only its length is shown, in characters."""


def differences(a: Any, b: Any, path: str = "") -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    """Yield ``{"path", "a", "b"}`` for each part in which two JSON values differ, None where one has no part.

    Parts of lists whose items have names are told by their names, and their order is a part of its own; lists
    of plain values are one part.
    """
    if isinstance(a, dict) and isinstance(b, dict):
        yield from _of_parts(a, b, f"{path}." if path else "", "")
    elif a != b and _objects(a) and _objects(b):
        named = _named(a) and _named(b)
        first, second = (_parts(value, named=named) for value in (a, b))
        yield from _of_parts(first, second, f"{path}[", "]")
        orders = [key for key in first if key in second], [key for key in second if key in first]
        if orders[0] != orders[1]:
            yield {"path": path, "a": shown(orders[0]), "b": shown(orders[1])}
    elif a != b:
        yield {"path": path, "a": shown(a), "b": shown(b)}


def shown(value: Any) -> Any:  # noqa: ANN401 - as above
    """Return a value, or how long it is when it is too long to be shown."""
    length = len(str(value))
    return value if length <= MOST_SHOWN else f"({length:,} characters)"


def _of_parts(a: dict[str, Any], b: dict[str, Any], before: str, after: str) -> Iterator[dict[str, Any]]:
    for key in dict.fromkeys([*a, *b]):
        yield from differences(a.get(key), b.get(key), f"{before}{key}{after}")


def _objects(value: Any) -> bool:  # noqa: ANN401 - as above
    """Tell whether a value is a list of objects, or none."""
    return value is None or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


def _named(value: list[dict[str, Any]] | None) -> bool:
    """Tell whether each object of a list has a name of its own."""
    names = [item.get("name") for item in value or ()]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _parts(value: list[dict[str, Any]] | None, *, named: bool) -> dict[str, Any]:
    """Return the objects of a list by their names or numbers."""
    return {item["name"] if named else str(index): item for index, item in enumerate(value or ())}
