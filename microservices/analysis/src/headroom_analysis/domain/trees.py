"""Nested numbers: the summaries of all trials have one shape, so each is kept as a flat row of floats."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from headroom_analysis.domain.intervals import figure_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

Tree = dict[str, Any]
"""Numbers nested in dicts and lists; None where there is no data."""


def leaves_of(tree: Any) -> Iterator[float | None]:  # noqa: ANN401 - a tree, a list of trees or a number
    """Yield the numbers of a tree in the order of its keys."""
    if isinstance(tree, dict | list):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves_of(item)
    else:
        yield tree


def row_of(tree: Tree) -> NDArray[np.float64]:
    """Return the numbers of a tree as a row, NaN for None."""
    return np.array([math.nan if leaf is None else float(leaf) for leaf in leaves_of(tree)], np.float64)


def places_of(shape: Tree) -> Tree:
    """Return a tree with the places of its numbers in a row of `row_of` instead of the numbers."""
    places = count()

    def placed(tree: Any) -> Any:  # noqa: ANN401 - as above
        if isinstance(tree, dict):
            return {key: placed(item) for key, item in tree.items()}
        return [placed(item) for item in tree] if isinstance(tree, list) else next(places)

    found: Tree = placed(shape)
    return found


def figures_of(shape: Tree, rows: Sequence[NDArray[np.float64]], confidence: float) -> Tree:
    """Return a tree with one figure in place of each number, estimated over the rows.

    Args:
        shape: any tree of the shape that the rows came from.
        rows: one per trial, from `row_of`, all of one shape.
        confidence: level of the intervals, which are cut at 0: no number of a summary is negative.
    """
    columns = iter(np.stack(rows, axis=1).tolist())

    def figure() -> dict[str, float | None]:
        values = (None if math.isnan(value) else value for value in next(columns))
        return figure_of(values, confidence, least=0.0).document()

    def filled(tree: Any) -> Any:  # noqa: ANN401 - as above
        if isinstance(tree, dict):
            return {key: filled(item) for key, item in tree.items()}
        return [filled(item) for item in tree] if isinstance(tree, list) else figure()

    figures: Tree = filled(shape)
    return figures


def means_of(figures: Any) -> Any:  # noqa: ANN401 - a tree of figures, a list of them or one figure
    """Return a tree of figures with only their values, 0 where there are no data."""
    if isinstance(figures, list):
        return [means_of(item) for item in figures]
    if figures.keys() == {"value", "low", "high"}:
        return figures["value"] or 0.0
    return {key: means_of(item) for key, item in figures.items()}
