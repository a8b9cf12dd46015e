"""Colours as roles: plots draw with sentinel colours, which become CSS variables when the SVG joins the page.

The hues are those of Okabe and Ito's colour universal design ("Color Universal Design", 2008), which stay
apart for people with any common form of colour blindness; each theme of the style sheet picks the shade that
it can show.
"""

from __future__ import annotations

from typing import Final

ROLES: Final = (
    "ink",
    "muted",
    "rule",
    "page",
    "paper",
    "print",
    "blue",
    "sky",
    "green",
    "orange",
    "vermillion",
    "purple",
    "yellow",
    "neutral",
)
"""Names of the CSS variables (``--ink``, ...) that plots may draw with.

``paper`` and ``print`` (black on white) are the same in every theme, for text on coloured bars.
"""

_SENTINEL = "#fe{:02x}ef"

COLOUR: Final = {role: _SENTINEL.format(index) for index, role in enumerate(ROLES)}
"""The colour that stands for each role while matplotlib draws; plots use them for nothing else."""

LIGHT: Final = dict(
    zip(
        ROLES,
        (
            *("#18212b", "#5d6875", "#dde2e7", "#ffffff", "#ffffff", "#10161c"),
            *("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#f0e442", "#7d8894"),
        ),
        strict=True,
    )
)
"""The colour of each role on white, for files of their own; the same as the style sheet's light theme."""

VARIABLE: Final = {colour: f"var(--{role})" for role, colour in COLOUR.items()}
"""The CSS value that replaces each sentinel."""
