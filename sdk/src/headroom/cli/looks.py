"""The few shapes that every section of the terminal output is made of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import JustifyMethod

_BETWEEN = 2
_FULL, _EMPTY = "█", "░"


def section(
    title: str, *, overflow: Literal["fold", "ellipsis"] = "fold", max_width: int | None = None
) -> Table:
    """A table without lines whose first column is headed by the section's title: the look of all sections."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    heading = Text(title, "bold not dim")
    table.add_column(heading, overflow=overflow, no_wrap=overflow == "ellipsis", max_width=max_width)
    return table


class Column(NamedTuple):
    """A column that may be left out where there is no room.

    Attributes:
        title: its heading.
        cells: from top to bottom.
        justify: how they are aligned.
        spare: columns with the largest number go first; those with 0 stay.
        style: of all cells.
    """

    title: str
    cells: Sequence[Text | str]
    justify: "JustifyMethod" = "right"
    spare: int = 0
    style: str = ""

    @property
    def least(self) -> int:
        """Characters that its cells need."""
        cells = (Text(cell) if isinstance(cell, str) else cell for cell in self.cells)
        return max((cell.cell_len for cell in cells), default=0)

    @property
    def width(self) -> int:
        """Characters that it needs with its title, and up to the next column."""
        return max(self.least, len(self.title)) + _BETWEEN


def fitted(title: str, names: Sequence[str], columns: Sequence[Column], width: int) -> Table:
    """A section's table with as many of its columns as fit into `width`; names are cut before figures are.

    Args:
        title: heads the first column.
        names: of the rows.
        columns: all that there are to the right of the names.
        width: of the terminal.
    """
    least = min(max(map(len, (title, *names))), width // 4) + _BETWEEN
    kept = list(columns)
    while least + sum(column.width for column in kept) > width + _BETWEEN and any(c.spare for c in kept):
        kept.remove(max(kept, key=lambda column: column.spare))
    table = section(title, overflow="ellipsis")
    table.columns[0].min_width = least - _BETWEEN
    # A column that must not wrap is not narrowed by itself: the last ones would be cut instead.
    table.columns[0].max_width = max(least, width - sum(column.width for column in kept)) - _BETWEEN
    for column in kept:
        table.add_column(
            Text(column.title),
            justify=column.justify,
            style=column.style,
            no_wrap=True,
            overflow="ellipsis",
            min_width=column.least,
        )
    for row, name in enumerate(names):
        table.add_row(Text(name), *(column.cells[row] for column in kept))
    return table


def heading(title: str) -> Text:
    """The title of a section that is too long to stand above a column."""
    return Text(title, "bold")


def bar(share: float, width: int, style: str) -> Text:
    """A bar of `width` characters, filled to `share` (0 to 1); above zero it shows one mark at least."""
    clipped = min(1.0, max(0.0, share))
    filled = max(int(clipped * width + 0.5), 1 if clipped > 0 else 0)
    return Text.assemble((_FULL * filled, style), (_EMPTY * (width - filled), "dim"))
