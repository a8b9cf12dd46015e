"""Tables as the page shows them: columns of equally precise numbers with their intervals, bars and tones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report import formatting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_analysis.report.values import Estimate

NEARLY_FULL = 0.75
FULL = 0.9
SHOWN_ROWS = 60
_FEW_COLUMNS = 4
_FEW_ROWS = 15


class Cell(NamedTuple):
    """One cell: its text, smaller text under it, a bar (share of 0 to 1), a tone, a colour swatch."""

    text: str
    detail: str = ""
    bar: float | None = None
    tone: str = ""
    swatch: str = ""


class Column(NamedTuple):
    """A column's heading; numeric columns are aligned at their decimal points."""

    title: str
    unit: str = ""
    numeric: bool = True


def tone_of(share: float | None) -> str:
    """Return the tone of a utilisation: ``bad`` from 90 %, ``warn`` from 75 %, else ``calm``."""
    if share is None or share < NEARLY_FULL:
        return "calm"
    return "bad" if share >= FULL else "warn"


@dataclass(slots=True)
class Table:
    """A table that grows by columns; the first column heads its rows.

    Attributes:
        caption: What the table shows, read out before it.
        columns: The headings, left to right.
        rows: The cells, row by row.
        foot: The last row when it sums the others up.
        left_out: How many rows are not shown, for the note below.
        headed: Whether a heading right above says the same as the caption, which is then not shown.
    """

    caption: str
    columns: list[Column] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)
    foot: bool = False
    left_out: int = 0
    headed: bool = False

    @property
    def classes(self) -> str:
        """How the page treats it: ``compact`` is not stretched, ``short`` not split in print."""
        compact, short = len(self.columns) <= _FEW_COLUMNS, len(self.rows) <= _FEW_ROWS
        return " ".join(name for name, holds in (("compact", compact), ("short", short)) if holds)

    def add(self, column: Column, cells: Sequence[Cell]) -> None:
        """Append a column; all columns of a table have the same number of cells."""
        if not self.columns:
            self.rows = [[] for _ in cells]
        self.columns.append(column)
        for row, cell in zip(self.rows, cells, strict=True):
            row.append(cell)

    def texts(self, title: str, texts: Sequence[str], *, swatches: Sequence[str] = ()) -> None:
        """Append a column of words."""
        marks = swatches or [""] * len(texts)
        cells = [Cell(text, swatch=mark) for text, mark in zip(texts, marks, strict=True)]
        self.add(Column(title, numeric=False), cells)

    def numbers(
        self,
        title: str,
        values: Sequence[Estimate],
        kind: str,
        *,
        bars: bool = False,
        scale: formatting.Scale | None = None,
    ) -> None:
        """Append a column of figures with their intervals; a column without any data is left out.

        Args:
            title: The column's heading.
            values: One figure per row, in SI units (ratios as 0 to 1).
            kind: A key of :data:`headroom_analysis.report.formatting.SCALES`; chooses the unit.
            bars: Draw each value, a share of 0 to 1, as a bar in the tone of its height.
            scale: The unit, where several columns share one; chosen by the column's own values when not
                given.
        """
        if all(value.value is None for value in values):
            return
        scale = scale or formatting.SCALES[kind]([value.value for value in values])
        decimals = formatting.decimals_for([value.value for value in values], scale)
        cells = []
        for value, low, high in values:
            text, detail = formatting.fixed(value, scale, decimals), ""
            if low is not None and high is not None and low != high and not text.startswith("<"):
                detail = formatting.ends(low, high, scale, decimals)
            bar = value if bars else None
            cells.append(Cell(text, detail, bar, tone_of(bar) if bars else ""))
        self.add(Column(title, scale.unit), cells)
