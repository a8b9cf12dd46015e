"""Parts of Grafana dashboards, as JSON: panels in rows, each with its queries, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

COLUMNS: Final = 24
"""How wide Grafana's grid is."""

_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_SCHEMA: Final = 39


@dataclass(frozen=True)
class Query:
    """One question to Prometheus.

    Attributes:
        expression: in PromQL.
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
        kind: ``timeseries``, ``stat`` or ``table``.
        width: in columns.
        stacked: whether the series are added up.
        limits: values from which on it is yellow, then red.
        largest: the end of the axis; None leaves it to the values.
        columns: of a table: the column to every label that is shown, and to ``Value`` or ``Value #A``.
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

    @property
    def height(self) -> int:
        """Its height, in rows of the grid."""
        return {"stat": 4, "table": 8, "timeseries": 8}[self.kind]

    def as_json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """Return the panel at a place of the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": _SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [self._target(place, query) for place, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            **self._kind(),
        }

    def _target(self, place: int, query: Query) -> dict[str, Any]:
        momentary = self.kind in {"stat", "table"}
        return {
            "refId": chr(ord("A") + place),
            "datasource": _SOURCE,
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
        variables: names of labels by which it can be narrowed, each to a metric that has them.
        links: other pages by their title.
        span: how far it looks back, such as ``1h``.
    """

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: dict[str, str]
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
            "templating": {"list": [_source(), *(_variable(*one) for one in self.variables.items())]},
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


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(name: str, metric: str) -> dict[str, Any]:
    """Return a choice among the values of a label; where nothing has the label, all of it is shown."""
    return {
        "name": name,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": f"label_values({metric}, {name})", "refId": "values"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
