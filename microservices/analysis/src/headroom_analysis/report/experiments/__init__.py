"""Experiments as a page, a plot or a table; see docs/experiment-format.md for their document.

Importing this package is cheap: matplotlib, Jinja and pyarrow are loaded by the first call that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

__all__ = ["PLOT_SUFFIXES", "parquet", "plot", "render_html", "table"]

PLOT_SUFFIXES: Final = (".png", ".svg", ".pdf")
"""What :func:`plot` can make."""


def render_html(document: Mapping[str, Any]) -> str:
    """Render a document (``headroom.experiment/v1``) as one self-contained HTML page.

    As :func:`headroom_analysis.report.render_html` it loads and runs nothing and is equal byte for byte for
    equal documents.

    Args:
        document: The experiment's document.

    Returns:
        The page's text, to be written as UTF-8.
    """
    from headroom_analysis.report.experiments.page import render_page  # noqa: PLC0415 - keeps matplotlib out of start-up

    return render_page(document)


def plot(document: Mapping[str, Any], suffix: str) -> bytes:
    """Draw the main plot as a file of its own on white; equal documents give equal bytes.

    Args:
        document: The experiment's document.
        suffix: One of :data:`PLOT_SUFFIXES`.

    Raises:
        PermanentError: There is no such kind of file, or nothing to draw.
    """
    from headroom_analysis.report.experiments.picture import picture  # noqa: PLC0415 - keeps matplotlib out of start-up

    return picture(document, suffix)


def table(document: Mapping[str, Any]) -> pa.Table:
    """Return every figure of every point, one per row; see ``docs/experiment-format.md`` for the columns.

    Args:
        document: The experiment's document.
    """
    from headroom_analysis.report.experiments import arrow  # noqa: PLC0415 - keeps pyarrow out of start-up

    return arrow.table(document)


def parquet(document: Mapping[str, Any]) -> bytes:
    """Return :func:`table` as the bytes of one Parquet file; equal documents give equal bytes.

    Args:
        document: The experiment's document.
    """
    from headroom_analysis.report.experiments import arrow  # noqa: PLC0415 - keeps pyarrow out of start-up

    return arrow.parquet(document)
