"""`headroom explain`: what the schema knows about a field, and the fields inside it."""

from typing import Any

import yaml
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from headroom.cli.consoles import consoles
from headroom.cli.guard import PASS, BadInputError
from headroom_common.scenario.explain import Child, Explanation, UnknownFieldError, explain, walk


def execute(*, path: str, recursive: bool) -> int:
    """Print the explanation and return the exit status.

    Raises:
        BadInputError: the schema has no such field.
    """
    page, _ = consoles()
    try:
        explanation = explain(path)
    except UnknownFieldError as error:
        raise BadInputError(error.message, next_step=error.next_step) from error
    _print_head(page, explanation)
    if explanation.children:
        page.print()
        page.print(_tree(explanation) if recursive else _fields(explanation))
        if any(child.required for child in explanation.children) or recursive:
            page.print(Text("\n* must be given", "dim"))
    return PASS


def _print_head(page: Console, explanation: Explanation) -> None:
    """The field itself: path, type, meaning, default and examples."""
    required = "  required" if explanation.required else ""
    page.print(
        Text.assemble(
            (explanation.path or "a scenario", "bold cyan"),
            (f"  {explanation.type}", "green"),
            (required, "yellow"),
        )
    )
    for paragraph in explanation.description.split("\n\n"):
        page.print(Padding(Text(paragraph), (0, 0, 0, 2)))
    facts = [] if explanation.default is None else [("default", explanation.default)]
    facts += [("example", in_yaml(example)) for example in explanation.examples]
    if facts:
        page.print()
    for name, text in facts:
        page.print(Padding(Text.assemble((f"{name}: ", "dim"), text), (0, 0, 0, 2)))


def in_yaml(value: Any) -> str:  # noqa: ANN401 - any example
    """A value on one line, as one would write it in the scenario."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return text.removesuffix("\n").removesuffix("...").rstrip()


def _fields(explanation: Explanation) -> Table:
    """The fields directly inside."""
    table = _table()
    for child in explanation.children:
        _add(table, child, 0)
    return table


def _tree(explanation: Explanation) -> Table:
    """All fields inside, indented by their depth."""
    table = _table()
    for below in walk(explanation):
        note = "" if below.same_as is None else f" Fields as in {below.same_as or 'a scenario'}."
        _add(table, below.child, below.depth, note)
    return table


def _table() -> Table:
    """A table without lines: name, type, meaning."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(style="green", ratio=1, max_width=24)
    table.add_column(ratio=3)
    return table


def _add(table: Table, child: Child, depth: int, note: str = "") -> None:
    """One field as a row."""
    mark = ("*", "yellow") if child.required else ("", "")
    name = Text.assemble("  " * depth, (child.name, "cyan"), mark)
    table.add_row(name, child.type, Text.assemble(child.description, (note, "dim")))
