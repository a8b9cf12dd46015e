"""The table of figures, on the screen and in a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HEADER = f"{'measured':<26}{'ours':>14}{'peer':>14}{'ratio':>9}  unit"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its peer's.

    Attributes:
        name: of the figure.
        ours: Headroom's.
        peer: the other side's; None when there is no other side.
        ratio: how many times better ours is, median over the rounds; None without a peer.
        unit: of both figures.
    """

    name: str
    ours: float
    peer: float | None
    ratio: float | None
    unit: str

    def __str__(self) -> str:
        """One line below `HEADER`."""
        ratio = "-" if self.ratio is None else f"{self.ratio:,.{1 if self.ratio >= 10 else 2}f}"
        return f"{self.name:<26}{_short(self.ours):>14}{_short(self.peer):>14}{ratio:>9}  {self.unit}"


def _short(figure: float | None) -> str:
    if figure is None:
        return "-"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"


def write(rows: Iterable[Row], path: Path) -> None:
    """Write rows as `{name: {ours, peer, ratio, unit}}`; other figures in the file stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for row in rows:
        figures[row.name] = {"ours": row.ours, "peer": row.peer, "ratio": row.ratio, "unit": row.unit}
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
