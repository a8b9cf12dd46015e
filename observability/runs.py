"""The dashboard of results: of every scenario, what its last completed run says."""

from __future__ import annotations

from typing import Final

from observability.panels import Dashboard, Panel, Query, Row, label_choice, source_choice

_HERE: Final = 'job="headroom", namespace=~"$namespace", scenario=~"$scenario"'


def _last(metric: str, by: str = "scenario", more: str = "") -> str:
    """Return a figure of the last results; all instances of the gateway tell the same."""
    return f"max by ({by}) ({metric}{{{_HERE}{more}}})"


def _latency(quantile: str, name: str) -> Panel:
    return Panel(
        f"Latency {name}",
        f"Latency that {name[1:]} in 100 requests stay below.",
        (Query(_last("headroom_result_latency_seconds", more=f', quantile="{quantile}"'), "{{scenario}}"),),
        unit="s",
    )


VERDICTS: Final = Row(
    "The last run of every scenario",
    (
        Panel(
            "Results",
            "The last run that completed, of each of the hundred scenarios that ran last.",
            tuple(
                Query(expression)
                for expression in (
                    _last("headroom_result_verdict", by="scenario, verdict") + " == 1",
                    _last("headroom_result_latency_seconds", more=', quantile="0.99"'),
                    _last("headroom_result_requests_per_second"),
                    _last("headroom_result_error_ratio"),
                    _last("headroom_result_half_width_ratio", more=', figure="p99"'),
                    _last("headroom_result_trials"),
                    _last("headroom_result_run_seconds"),
                )
            ),
            kind="table",
            width=24,
            columns={
                "scenario": "scenario",
                "verdict": "verdict",
                "Value #B": "p99 (s)",
                "Value #C": "requests/s",
                "Value #D": "errors",
                "Value #E": "half-width of p99",
                "Value #F": "trials",
                "Value #G": "took (s)",
            },
        ),
    ),
)

FIGURES: Final = Row(
    "From run to run",
    (
        _latency("0.5", "p50"),
        _latency("0.95", "p95"),
        _latency("0.99", "p99"),
        Panel(
            "Throughput",
            "Requests that were answered per second of simulated time.",
            (Query(_last("headroom_result_requests_per_second"), "{{scenario}}"),),
            unit="reqps",
        ),
        Panel(
            "Errors",
            "Share of requests that were not answered well.",
            (Query(_last("headroom_result_error_ratio"), "{{scenario}}"),),
            unit="percentunit",
        ),
        Panel(
            "Half-width of the confidence interval of p99",
            "As a share of p99: how much the figure may be off. More trials make it smaller.",
            (Query(_last("headroom_result_half_width_ratio", more=', figure="p99"'), "{{scenario}}"),),
            unit="percentunit",
            limits=(0.1,),
        ),
        Panel(
            "Verdicts",
            "How many scenarios met their objectives, did not, or cannot tell yet.",
            (
                Query(
                    f"sum by (verdict) ({_last('headroom_result_verdict', by='scenario, verdict')})",
                    "{{verdict}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Time that the run took",
            "On the clock, from being let in until the result.",
            (Query(_last("headroom_result_run_seconds"), "{{scenario}}"),),
            unit="s",
        ),
        Panel(
            "Trials",
            "Replications of which the result is made.",
            (Query(_last("headroom_result_trials"), "{{scenario}}"),),
        ),
    ),
)

RUNS: Final = Dashboard(
    uid="headroom-runs",
    title="Headroom runs",
    description="Latency, throughput, errors and verdicts of the last run of every scenario.",
    rows=(VERDICTS, FIGURES),
    variables=(
        source_choice("prometheus"),
        label_choice("namespace", "headroom_build_info"),
        label_choice("scenario", "headroom_result_trials"),
    ),
    links={"Headroom platform": "/d/headroom-platform"},
    span="24h",
)
