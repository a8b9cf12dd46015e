"""One figure against each parameter of many points, all others varying too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import axis
from headroom_analysis.report.plots.chart import SIZE, Chart, shortened
from headroom_analysis.report.plots.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.plots.canvas import Surface
    from headroom_analysis.report.plots.curves import Across, Bound, Heading

_MARGINS = (58.0, 44.0, 18.0, 12.0)
_MARKS = {"pass": ("blue", "o", True), "miss": ("vermillion", "x", False), "none": ("blue", "o", True)}
_MANY = 200


class Dot(NamedTuple):
    """A point: where it is on the parameter's axis, its value, and its verdict."""

    x: float
    value: float
    verdict: str


def scatter(
    heading: Heading, across: Across, dots: Sequence[Dot], kind: str, bounds: Sequence[Bound]
) -> Plot:
    """Return dots over one parameter; what misses its objectives is a cross.

    Args:
        heading: Of the plot.
        across: The parameter; without a number for each text it is one of words, with a place for each.
        dots: At least one.
        kind: How the values are shown.
        bounds: Limits, dashed.
    """

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        width = SIZE[0] - _MARGINS[0] - _MARGINS[2]
        if across.numbers:
            level = axis.chosen(across.numbers, across.unit, log=across.log, width=width)
        else:
            names = [shortened(text, 0.9 * width / len(across.texts)) for text in across.texts]
            level = axis.of_words(names)
        up = axis.measured([*(dot.value for dot in dots), *(bound.value for bound in bounds)], kind)
        drawn = Chart(figure, colour, _MARGINS, level, up)
        drawn.title_across(shortened(across.words, width))
        for bound in bounds:
            drawn.limit(bound.value)
        size = 5.0 if len(dots) < _MANY else 3.2
        for verdict, (role, marker, hollow) in _MARKS.items():
            found = [dot for dot in dots if dot.verdict == verdict]
            drawn.dots(
                [d.x for d in found], [d.value for d in found], role, hollow=hollow, marker=marker, size=size
            )

    ends = [formatting.single(end, kind) for end in (min(d.value for d in dots), max(d.value for d in dots))]
    counted = formatting.plural(len(dots), "point")
    label = f"{heading.title} over {across.words}: {counted}, {ends[0]} to {ends[1]}"
    return Plot(*heading, label, SIZE, draw)
