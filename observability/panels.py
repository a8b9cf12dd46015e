"""Parts of Grafana dashboards, as JSON: panels in rows, each with its queries, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS: Final = 24
"""How wide Grafana's grid is."""

_SCHEMA: Final = 39
_HEIGHTS: Final = {"stat": 4, "table": 8, "timeseries": 8, "logs": 20}


def _source(kind: str) -> dict[str, str]:
    """Return the chosen data source of a kind, as panels and variables name it."""
    return {"type": kind, "uid": "${datasource}"}


@dataclass(frozen=True)
class Query:
    """One question to a data source.

    Attributes:
        expression: in PromQL, or LogQL.
        legend: how its series are called, with ``{{label}}`` for the value of a label.
    """

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: what it shows.
        description: what it means, and when to worry.
        queries: what it asks.
        unit: Grafana's name of the values' unit.
        kind: ``timeseries``, ``stat``, ``table`` or ``logs``.
        width: in columns.
        stacked: whether the series are added up.
        limits: values from which on it is yellow, then red.
        largest: the end of the axis; None leaves it to the values.
        columns: of a table: the column to every label that is shown, and to ``Value`` or ``Value #A``.
        source: whom it asks, ``prometheus`` or ``loki``.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False
    limits: tuple[float, ...] = ()
    largest: float | None = None
    columns: dict[str, str] = field(default_factory=dict)
    source: str = "prometheus"

    @property
    def height(self) -> int:
        """Its height, in rows of the grid."""
        return _HEIGHTS[self.kind]

    def as_json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """Return the panel at a place of the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": _source(self.source),
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [self._target(place, query) for place, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            **self._kind(),
        }

    def _target(self, place: int, query: Query) -> dict[str, Any]:
        momentary = self.kind in {"stat", "table"}
        return {
            "refId": chr(ord("A") + place),
            "datasource": _source(self.source),
            "expr": query.expression,
            "legendFormat": query.legend or "__auto",
            "instant": momentary,
            "range": not momentary,
            **({"format": "table"} if self.kind == "table" else {}),
        }

    def _defaults(self) -> dict[str, Any]:
        colours = ("green", "yellow", "red") if len(self.limits) > 1 else ("green", "red")
        steps = [
            {"color": colour, "value": value}
            for colour, value in zip(colours, (None, *self.limits), strict=False)
        ]
        lines = {
            "lineWidth": 1,
            "fillOpacity": 30 if self.stacked else 8,
            "showPoints": "never",
            "stacking": {"mode": "normal" if self.stacked else "none"},
            "thresholdsStyle": {"mode": "line" if self.limits else "off"},
        }
        return {
            "unit": self.unit,
            "min": 0,
            **({} if self.largest is None else {"max": self.largest}),
            "thresholds": {"mode": "absolute", "steps": steps},
            **({"custom": lines} if self.kind == "timeseries" else {}),
        }

    def _kind(self) -> dict[str, Any]:
        if self.kind == "stat":
            return {
                "options": {
                    "colorMode": "value",
                    "graphMode": "none",
                    "reduceOptions": {"calcs": ["lastNotNull"]},
                }
            }
        if self.kind == "logs":
            return {"options": {"showTime": True, "wrapLogMessage": True, "enableLogDetails": True}}
        if self.kind == "table":
            joined: list[dict[str, Any]] = [{"id": "merge", "options": {}}] if len(self.queries) > 1 else []
            chosen = {"include": {"names": list(self.columns)}}
            return {
                "options": {"showHeader": True},
                "transformations": [
                    *joined,
                    {"id": "filterFieldsByName", "options": chosen},
                    {"id": "organize", "options": {"renameByName": self.columns}},
                ],
            }
        legend = {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}
        return {"options": {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}}


@dataclass(frozen=True)
class Row:
    """Panels that belong together, under a heading; they fill the grid from left to right.

    Attributes:
        title: the heading.
        panels: in their order.
    """

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """One page.

    Attributes:
        uid: what its address ends with; never changes.
        title: its name.
        description: what it is for.
        rows: what it shows.
        variables: by what it can be narrowed, its data source first.
        links: other pages by their title.
        span: how far it looks back, such as ``1h``.
    """

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[dict[str, Any], ...]
    links: dict[str, str]
    span: str = "1h"

    def as_json(self) -> dict[str, Any]:
        """Return the page as Grafana keeps it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["headroom"],
            "schemaVersion": _SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "refresh": "15s",
            "time": {"from": f"now-{self.span}", "to": "now"},
            "links": [_link(title, address) for title, address in self.links.items()],
            "templating": {"list": list(self.variables)},
            "panels": self._placed(),
        }

    def _placed(self) -> list[dict[str, Any]]:
        placed: list[dict[str, Any]] = []
        y = 0
        for row in self.rows:
            heading = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
            placed.append(
                {"id": len(placed) + 1, "type": "row", "title": row.title, "gridPos": heading, "panels": []}
            )
            y += 1
            x = tallest = 0
            for panel in row.panels:
                if x + panel.width > COLUMNS:
                    x, y, tallest = 0, y + tallest, 0
                placed.append(panel.as_json(len(placed) + 1, x, y))
                x, tallest = x + panel.width, max(tallest, panel.height)
            y += tallest
        return placed


def _link(title: str, address: str) -> dict[str, Any]:
    return {"type": "link", "title": title, "url": address, "keepTime": True, "includeVars": True}


def source_choice(kind: str) -> dict[str, Any]:
    """Return the choice among the data sources of a kind, ``prometheus`` or ``loki``."""
    return {"name": "datasource", "label": kind.title(), "type": "datasource", "query": kind}


def label_choice(name: str, metric: str) -> dict[str, Any]:
    """Return a choice among the values of a metric's label; where nothing has the label, all is shown."""
    return {
        "name": name,
        "type": "query",
        "datasource": _source("prometheus"),
        "query": {"query": f"label_values({metric}, {name})", "refId": "values"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def fixed_choice(name: str, values: Sequence[str], everything: str) -> dict[str, Any]:
    """Return a choice among values that are known; ``everything`` is the pattern of all."""
    return {
        "name": name,
        "type": "custom",
        "query": ",".join(values),
        "multi": True,
        "includeAll": True,
        "allValue": everything,
        "current": {"text": "All", "value": "$__all"},
    }


def text_choice(name: str) -> dict[str, Any]:
    """Return a field to type into."""
    return {"name": name, "type": "textbox", "query": ""}
