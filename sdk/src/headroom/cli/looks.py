"""The few shapes that every section of the terminal output is made of."""

from typing import Literal

from rich.table import Table
from rich.text import Text

_FULL, _EMPTY = "█", "░"


def section(
    title: str, *, overflow: Literal["fold", "ellipsis"] = "fold", max_width: int | None = None
) -> Table:
    """A table without lines whose first column is headed by the section's title: the look of all sections."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    heading = Text(title, "bold not dim")
    table.add_column(heading, overflow=overflow, no_wrap=overflow == "ellipsis", max_width=max_width)
    return table


def heading(title: str) -> Text:
    """The title of a section that is too long to stand above a column."""
    return Text(title, "bold")


def bar(share: float, width: int, style: str) -> Text:
    """A bar of `width` characters, filled to `share` (0 to 1); above zero it shows one mark at least."""
    clipped = min(1.0, max(0.0, share))
    filled = max(int(clipped * width + 0.5), 1 if clipped > 0 else 0)
    return Text.assemble((_FULL * filled, style), (_EMPTY * (width - filled), "dim"))
