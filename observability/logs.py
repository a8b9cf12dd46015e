"""The dashboard of logs: what was logged, by service and level, and of which run."""

from __future__ import annotations

from typing import Final

from observability.panels import Dashboard, Panel, Query, Row, fixed_choice, source_choice, text_choice

SERVICES: Final = (
    "gateway",
    "generator",
    "router",
    "server-model",
    "analysis",
    "rabbitmq",
    "postgresql",
    "redis",
)
LEVELS: Final = ("debug", "info", "warning", "error")

# Of a run that is not named, and of lines that name none, all are shown.
_LINES: Final = '{service=~"$service", level=~"$level"} | run=~"$run.*" |= `$search`'

LINES: Final = Row(
    "What was logged",
    (
        Panel(
            "Lines by level",
            "How many lines were logged; what is no JSON has no level.",
            (Query(f"sum by (level) (count_over_time({_LINES} [$__auto]))", "{{level}}"),),
            width=12,
            stacked=True,
            source="loki",
        ),
        Panel(
            "Lines by service",
            "The same by who logged them.",
            (Query(f"sum by (service) (count_over_time({_LINES} [$__auto]))", "{{service}}"),),
            width=12,
            stacked=True,
            source="loki",
        ),
        Panel(
            "Log",
            "The lines; run, trial, event and trace are in their details.",
            (Query(_LINES),),
            kind="logs",
            width=24,
            source="loki",
        ),
    ),
)

LOGS: Final = Dashboard(
    uid="headroom-logs",
    title="Headroom logs",
    description="What all services log. A run's id shows what every service says of it.",
    rows=(LINES,),
    variables=(
        source_choice("loki"),
        fixed_choice("service", SERVICES, ".+"),
        fixed_choice("level", LEVELS, ".*"),
        text_choice("run"),
        text_choice("search"),
    ),
    links={"Headroom platform": "/d/headroom-platform"},
)
