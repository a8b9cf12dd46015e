"""Reports: a result document as one self-contained HTML page or as an Arrow/Parquet table.

Importing this package is cheap: matplotlib, Jinja and pyarrow are loaded by the first call that needs them,
so that a command line which writes no report does not pay for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

__all__ = ["figures_table", "parquet", "render_html", "result_table", "series_table", "write_parquet"]


def render_html(result: Mapping[str, Any]) -> str:
    """Render a result document (``headroom.result/v1``) as one self-contained HTML page.

    The page loads nothing (its content security policy forbids it), runs no script, holds no time of its
    making, and is equal byte for byte for equal results. Missing parts of the document are left out or shown
    as "no data".

    Args:
        result: The result document, as analysis makes it or as ``json.load`` reads it.

    Returns:
        The page's text, to be written as UTF-8.
    """
    from headroom_analysis.report.page import render_page  # noqa: PLC0415 - keeps matplotlib out of start-up

    return render_page(result)


def series_table(result: Mapping[str, Any]) -> pa.Table:
    """Return every sampled series as a long table: ``series, subject, replica, instant, value, unit``.

    Args:
        result: The result document.

    Returns:
        One row per series, subject and instant; ``instant`` in seconds of simulated time. See
        :mod:`headroom_analysis.report.arrow` for the columns.
    """
    from headroom_analysis.report import arrow  # noqa: PLC0415 - keeps pyarrow out of start-up

    return arrow.series_table(result)


def figures_table(result: Mapping[str, Any]) -> pa.Table:
    """Return every figure with its interval: ``metric, scope, name, value, low, high, unit``.

    Args:
        result: The result document.

    Returns:
        One row per figure. See :mod:`headroom_analysis.report.arrow` for the columns.
    """
    from headroom_analysis.report import arrow  # noqa: PLC0415 - keeps pyarrow out of start-up

    return arrow.figures_table(result)


def result_table(result: Mapping[str, Any]) -> pa.Table:
    """Return the figures and the series as one tidy table, one number per row.

    Args:
        result: The result document.

    Returns:
        The table that :func:`write_parquet` writes.
    """
    from headroom_analysis.report import arrow  # noqa: PLC0415 - keeps pyarrow out of start-up

    return arrow.result_table(result)


def parquet(result: Mapping[str, Any]) -> bytes:
    """Return :func:`result_table` as the bytes of one Parquet file; equal results give equal bytes.

    Args:
        result: The result document.
    """
    from headroom_analysis.report import arrow  # noqa: PLC0415 - keeps pyarrow out of start-up

    return arrow.parquet(result)


def write_parquet(result: Mapping[str, Any], path: str | Path) -> None:
    """Write :func:`result_table` as one Parquet file; equal results give equal bytes.

    Args:
        result: The result document.
        path: The file to write; it is replaced when it exists.

    Raises:
        OSError: The file cannot be written.
    """
    Path(path).write_bytes(parquet(result))
