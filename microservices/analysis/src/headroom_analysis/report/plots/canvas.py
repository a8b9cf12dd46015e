"""From a matplotlib figure to compact, deterministic SVG for a page with a strict security policy.

matplotlib writes a stand-alone file: a document type, its own style sheet, fonts by name, ids that repeat
from figure to figure and a ``style`` attribute on every element. Inside a page all of that is in the way.
Here each distinct style becomes a class of one common style sheet (so that the policy can forbid inline
styles), sentinel colours become CSS variables, text inherits the page's font, and ids that nothing refers to
go.
"""

from __future__ import annotations

import io
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure, SubFigure

from headroom_analysis.report.plots.palette import COLOUR, VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
POINTS_PER_INCH: Final = 72.0
"""Plots are measured in points."""

Surface = Figure | SubFigure
"""What a plot is drawn on: a figure of its own, or a part of one that holds several plots."""

_DRAWING = threading.Lock()

TEXT_SIZE: Final = 11.0
"""Size of a plot's text in its own units; the style sheet enlarges it on narrow screens."""

_DEFAULTS: Final[dict[RcKeyType, Any]] = {
    key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith("backend")
}


def _settings(colour: Mapping[str, str]) -> dict[RcKeyType, Any]:
    """Return how every plot looks, in the given colours of the roles."""
    return {
        "font.family": "DejaVu Sans",  # comes with matplotlib, so that measures are the same everywhere
        "font.size": TEXT_SIZE,
        "svg.fonttype": "none",
        "svg.hashsalt": "headroom",
        "text.parse_math": False,
        "axes.facecolor": "none",
        "axes.edgecolor": colour["rule"],
        "axes.labelcolor": colour["muted"],
        "axes.labelsize": TEXT_SIZE,
        "axes.linewidth": 1.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": colour["rule"],
        "grid.linewidth": 1.0,
        "xtick.color": colour["rule"],
        "xtick.labelcolor": colour["muted"],
        "xtick.labelsize": TEXT_SIZE,
        "xtick.major.size": 4.0,
        "xtick.minor.size": 0.0,
        "ytick.color": colour["rule"],
        "ytick.labelcolor": colour["muted"],
        "ytick.labelsize": TEXT_SIZE,
        "ytick.major.size": 0.0,
        "ytick.minor.size": 0.0,
        "ytick.major.pad": 6.0,
        "lines.linewidth": 1.75,
        "lines.solid_capstyle": "round",
        "lines.solid_joinstyle": "round",
        "path.simplify": True,
    }


@contextmanager
def drawing(colour: Mapping[str, str]) -> Iterator[None]:
    """Hold matplotlib's settings, which belong to the whole process, while a plot is drawn and written.

    Args:
        colour: what each role is drawn with.
    """
    with _DRAWING, mpl.rc_context(_DEFAULTS | _settings(colour)):
        yield


class Sheet:
    """The style sheet that all plots of a page share: one class per style, named in order of first use."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def class_of(self, style: str) -> str:
        """Return the class for a matplotlib ``style`` attribute."""
        declarations: list[str] = []
        for declaration in style.split(";"):
            name, _, value = (part.strip() for part in declaration.partition(":"))
            if name and name != "font-family":
                declarations.append(f"{name}:{VARIABLE.get(value, value)}")
        return self._classes.setdefault(";".join(declarations), f"p{len(self._classes)}")

    def __str__(self) -> str:
        return "\n".join(f".{name}{{{declarations}}}" for declarations, name in self._classes.items())


def axes_of(figure: Surface, left: float, bottom: float, right: float, top: float) -> Axes:
    """Add axes that leave the given margins (in the plot's own units) free for their ticks."""
    scale = POINTS_PER_INCH / figure.dpi
    width, height = figure.bbox.width * scale, figure.bbox.height * scale
    return figure.add_axes(
        (left / width, bottom / height, 1.0 - (left + right) / width, 1.0 - (bottom + top) / height)
    )


class Drawing:
    """A context in which to draw one plot; afterwards :attr:`svg` holds the element's text.

    Args:
        sheet: Receives the plot's styles.
        name: Prefix of the ids inside, unique on the page.
        label: What the plot shows, for those who do not see it.
        size: Width and height in the plot's own units; the page scales it to the space there is.
    """

    def __init__(self, sheet: Sheet, name: str, label: str, size: tuple[float, float]) -> None:
        self._sheet, self._name, self._label, self._size = sheet, name, label, size
        self.svg = ""

    def __enter__(self) -> Figure:
        self._held = drawing(COLOUR)
        self._held.__enter__()
        width, height = self._size
        self._figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), facecolor="none")
        return self._figure

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                written = io.StringIO()
                nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
                canvas = FigureCanvasSVG(self._figure)
                canvas.print_svg(written, metadata=nothing)  # type: ignore[no-untyped-call]
                self.svg = self._compact(written.getvalue())
        finally:
            self._held.__exit__(None, None, None)

    def _compact(self, written: str) -> str:
        root = ET.fromstring(written)  # noqa: S314 - matplotlib wrote it a moment ago
        width, height = self._size
        root.attrib.clear()
        root.attrib |= {
            "class": f"plot {self._name}",
            "viewBox": f"0 0 {width:g} {height:g}",
            "role": "img",
            "aria-label": self._label,
        }
        _drop(root)
        names = {name: f"{self._name}-{index}" for index, name in enumerate(dict.fromkeys(_references(root)))}
        for element in root.iter():
            self._clean(element, names)
        _flatten(root)
        return ET.tostring(root, encoding="unicode")

    def _clean(self, element: ET.Element, names: dict[str, str]) -> None:
        element.tag = element.tag.removeprefix(_SVG)
        element.tail = None
        if element.text and not element.text.strip():
            element.text = None
        attributes = element.attrib
        if "id" in attributes:
            name = names.get(attributes.pop("id"))
            attributes |= {"id": name} if name else {}
        if _HREF in attributes:
            attributes["href"] = f"#{names[attributes.pop(_HREF)[1:]]}"
        if "clip-path" in attributes:
            attributes["clip-path"] = f"url(#{names[attributes['clip-path'][5:-1]]})"
        if "d" in attributes:
            attributes["d"] = _rounded(" ".join(attributes["d"].split()))
        for key in ("x", "y", "transform"):
            if key in attributes:
                attributes[key] = _rounded(attributes[key])
        if attributes.get("transform", "").startswith("rotate(0 "):
            del attributes["transform"]
        if "style" in attributes:
            attributes["class"] = self._sheet.class_of(attributes.pop("style"))


def _drop(parent: ET.Element) -> None:
    """Remove what only a stand-alone file needs: metadata, the style sheet, invisible backgrounds."""
    for child in list(parent):
        invisible = child.tag == f"{_SVG}path" and re.fullmatch(
            r"fill: none(; opacity: 0)?", child.get("style", "")
        )
        if child.tag in {f"{_SVG}metadata", f"{_SVG}style"} or invisible:
            parent.remove(child)
        else:
            _drop(child)


def _references(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        if _HREF in element.attrib:
            yield element.attrib[_HREF][1:]
        if "clip-path" in element.attrib:
            yield element.attrib["clip-path"][5:-1]


def _flatten(parent: ET.Element) -> None:
    """Replace groups without attributes by their children, and remove empty ones."""
    children: list[ET.Element] = []
    for child in parent:
        _flatten(child)
        if child.tag in {"g", "defs"} and not len(child):
            continue
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    parent[:] = children


def _rounded(numbers: str) -> str:
    """Round the numbers of a path or position to a hundredth of a unit, finer than any screen shows."""
    shorter = re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), numbers)
    return re.sub(r"(?<![\d.])-0(?![\d.])", "0", shorter)
