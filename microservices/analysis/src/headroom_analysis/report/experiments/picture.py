"""The main plot of an experiment as a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_analysis.report.experiments.answers import answer_of
from headroom_analysis.report.experiments.page import sections_of
from headroom_analysis.report.plots.plot import SUFFIXES, in_file
from headroom_analysis.report.values import text
from headroom_common.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping


def picture(document: Mapping[str, object], suffix: str) -> bytes:
    """Draw the first section's plots; see :func:`headroom_analysis.report.experiments.plot`."""
    if suffix not in SUFFIXES:
        message = f"plot: expected a file that ends in {', '.join(SUFFIXES)}, found {suffix!r}"
        raise PermanentError(message, next_step="Name the file for what it shall hold.")
    plots = [plot for section in sections_of(document)[:1] for plot in section.plots]
    if not plots:
        message = "plot: expected an experiment with something to draw, found none that has figures"
        raise PermanentError(message, next_step="Look at the report; --output report.html writes it.")
    name = text(document.get("name"), "Scenario")
    return in_file(plots, f"{name} \N{EN DASH} {answer_of(document).headline}", suffix)
