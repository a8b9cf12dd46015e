"""A search for a limit: what was tried, what met the objectives, the answer and today's value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from headroom_analysis.report import formatting
from headroom_analysis.report.plots import axis
from headroom_analysis.report.plots.chart import SIZE, Chart, Key, shortened
from headroom_analysis.report.plots.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.report.plots.canvas import Surface
    from headroom_analysis.report.plots.curves import Across, Bound, Heading
    from headroom_analysis.report.values import Estimate

_MARGINS: Final = (58.0, 44.0, 24.0, 54.0)
_NAMES = 110.0
_STYLES = {True: ("blue", "o"), False: ("vermillion", "s")}


class Try(NamedTuple):
    """A value that was tried: its figure, whether it met all objectives, and whether that is certain."""

    x: float
    figure: Estimate
    met: bool
    certain: bool


class Mark(NamedTuple):
    """A value that is marked: its words and its place."""

    words: str
    x: float
    role: str


def search(
    heading: Heading,
    across: Across,
    tries: Sequence[Try],
    kind: str,
    bound: Bound | None,
    marks: Sequence[Mark],
) -> Plot:
    """Return the figures of what was tried with their intervals, the limit, and marked values.

    Args:
        heading: Of the plot.
        across: What was varied.
        tries: At least one, in any order.
        kind: How the figures are shown.
        bound: The objective's limit.
        marks: Upright lines: the answer, and today's value.
    """
    ordered = sorted(tries)

    def draw(figure: Surface, colour: Mapping[str, str]) -> None:
        width = SIZE[0] - _MARGINS[0] - _MARGINS[2]
        numbers = [*(one.x for one in tries), *(mark.x for mark in marks)]
        level = axis.chosen(numbers, across.unit, log=across.log, width=width)
        values = [end for one in tries for end in (one.figure.value, one.figure.high)]
        up = axis.measured([*values, bound.value if bound else None], kind)
        drawn = Chart(figure, colour, _MARGINS, level, up)
        drawn.title_across(shortened(across.words, width))
        known = [one for one in ordered if one.figure.value is not None]
        spread = [one for one in known if one.figure.has_interval]
        lows, highs = (
            [max(end or 0.0, up.low) for end in ends]
            for ends in ([o.figure.low for o in spread], [o.figure.high for o in spread])
        )
        if len(spread) > 1:
            drawn.band([one.x for one in spread], lows, highs, "sky")
        drawn.whiskers([one.x for one in spread], lows, highs, "muted")
        drawn.line([one.x for one in known], [one.figure.value for one in known], "sky")
        if bound is not None:
            drawn.limit(bound.value)
            drawn.words(level.high, bound.value, shortened(bound.words, _NAMES), "ink", "right", (0.0, 8.0))
        drawn.flags([(mark.x, shortened(mark.words, 170.0), mark.role) for mark in marks])
        for met, (role, marker) in _STYLES.items():
            for certain in (True, False):
                found = [one for one in known if (one.met, one.certain) == (met, certain)]
                xs, ys = [one.x for one in found], [max(one.figure.value or 0.0, up.low) for one in found]
                drawn.dots(xs, ys, role, hollow=not certain, marker=marker)
        keys = [
            Key("met", "blue"),
            Key("missed", "vermillion", "s"),
            Key("hollow: not certain", "muted", hollow=True),
        ]
        drawn.legend(keys, lift=44.0)

    parts = [
        f"{'met' if one.met else 'missed'} at {axis.with_unit_of(one.x, across.unit)} "
        f"with {formatting.single(one.figure.value, kind)}"
        for one in ordered
    ]
    return Plot(*heading, f"{heading.title} over {across.words}: {formatting.listing(parts)}", SIZE, draw)
