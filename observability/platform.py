"""The dashboard of the platform: what happens, where it waits, what fails, and how its parts are."""

from __future__ import annotations

from typing import Final

from observability.panels import Dashboard, Panel, Query, Row, label_choice, source_choice
from observability.parts import BROKER_ROW, GATEWAY_ROW, SERVICES_ROW
from observability.queries import HERE, QUEUES, SERVICE, per_second, quantile, quantiles

OVERVIEW: Final = Row(
    "At a glance",
    (
        Panel(
            "Instances ready",
            "Instances that can do their work now, of those that are known.",
            (
                Query(f"sum(headroom_service_ready{{{SERVICE}}})", "ready"),
                Query(f"count(headroom_service_ready{{{SERVICE}}})", "known"),
            ),
            kind="stat",
            width=4,
        ),
        Panel(
            "Runs under way",
            "Runs that the services work at.",
            (Query(f'max(headroom_runs{{{HERE}, state=~"running|cancelling"}})'),),
            kind="stat",
            width=4,
        ),
        Panel(
            "Simulated requests",
            "Requests whose simulation ended, per second: what all this is for.",
            (Query(per_second(f"headroom_simulated_requests_total{{{SERVICE}}}")),),
            unit="reqps",
            kind="stat",
            width=4,
        ),
        Panel(
            "Events waiting",
            "Messages in work queues, those in hand included.",
            (Query(f"sum(headroom:backlog_messages{{{QUEUES}}})"),),
            kind="stat",
            width=4,
            limits=(100, 800),
        ),
        Panel(
            "Dead letters",
            "Events that were given up, and wait for somebody to look at them.",
            (Query('sum(headroom:dead_letter_messages{namespace=~"$namespace"})'),),
            kind="stat",
            width=4,
            limits=(1,),
        ),
        Panel(
            "Failed answers of the gateway",
            "Share of answers that are 5xx. One in a thousand is allowed.",
            (
                Query(
                    'sum(headroom:gateway_errors:rate5m{namespace=~"$namespace"})'
                    ' / (sum(headroom:gateway_requests:rate5m{namespace=~"$namespace"}) > 0) or vector(0)'
                ),
            ),
            unit="percentunit",
            kind="stat",
            width=4,
            limits=(0.001, 0.01),
        ),
        Panel(
            "Alerts that fire",
            "Every alert has a section in docs/runbooks.md.",
            (Query('ALERTS{alertname=~"Headroom.+", alertstate="firing", namespace=~"$namespace"}'),),
            kind="table",
            width=24,
            columns={
                "alertname": "alert",
                "severity": "severity",
                "service": "service",
                "instance": "instance",
            },
        ),
    ),
)

RUNS: Final = Row(
    "Runs",
    (
        Panel(
            "Runs by state",
            "Runs that have not ended, as the gateway's database has them.",
            (Query(f"max by (state) (headroom_runs{{{HERE}}})", "{{state}}"),),
            stacked=True,
        ),
        Panel(
            "Runs that ended",
            "Per second, by how they ended.",
            (Query(per_second(f"headroom_runs_ended_total{{{HERE}}}", "state"), "{{state}}"),),
            unit="ops",
        ),
        Panel(
            "Runs accepted",
            "Per second; cached ones were answered at once with the result of an equal run.",
            (Query(per_second(f"headroom_runs_accepted_total{{{HERE}}}", "cached"), "cached: {{cached}}"),),
            unit="ops",
        ),
        Panel(
            "Time until a run is let in",
            "From its acceptance until it is handed to the services: long where more is asked for than "
            "HEADROOM_MOST_RUNNING lets in.",
            quantiles(f"headroom_run_wait_seconds_bucket{{{HERE}}}"),
            unit="s",
        ),
        Panel(
            "Time that a run takes",
            "From being let in until its end.",
            quantiles(f"headroom_run_duration_seconds_bucket{{{HERE}}}"),
            unit="s",
        ),
        Panel(
            "Longest wait and silence",
            "Of the runs that have not ended: the longest wait to be let in, and the longest time without "
            "news of one under way. After HEADROOM_STALL_TIMEOUT of silence a run fails.",
            (
                Query(f"max(headroom_runs_longest_wait_seconds{{{HERE}}})", "wait"),
                Query(f"max(headroom_runs_longest_silence_seconds{{{HERE}}})", "silence"),
            ),
            unit="s",
            limits=(300, 900),
        ),
    ),
)

EVENTS: Final = Row(
    "Events",
    (
        Panel(
            "Events in, by type",
            "Handled, put off or dropped, per second.",
            (
                Query(
                    per_second(f"headroom_event_handling_seconds_count{{{SERVICE}}}", "event_type"),
                    "{{event_type}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Events out, by type",
            "Confirmed by the broker, per second.",
            (
                Query(
                    per_second(f"headroom_events_published_total{{{SERVICE}}}", "event_type"),
                    "{{event_type}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            "What became of events",
            "Per second. Duplicates are normal after a crash; retries and dead letters are not.",
            (
                Query(
                    per_second(f"headroom_event_handling_seconds_count{{{SERVICE}}}", "verdict"),
                    "{{verdict}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Handling time",
            "From taking an event in hand until its outputs are confirmed.",
            quantiles(f"headroom_event_handling_seconds_bucket{{{SERVICE}}}", "service"),
            unit="s",
        ),
        Panel(
            "Age of events",
            "From being made until being taken in hand, of nine in ten: how far behind a service is.",
            (
                Query(
                    quantile(0.9, f"headroom_event_age_seconds_bucket{{{SERVICE}}}", "service"),
                    "{{service}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Simulated requests",
            "Requests whose simulation ended, per second, by instance.",
            (
                Query(
                    per_second(f"headroom_simulated_requests_total{{{SERVICE}}}", "instance"), "{{instance}}"
                ),
            ),
            unit="reqps",
            stacked=True,
        ),
    ),
)

LAG: Final = Row(
    "Lag",
    (
        Panel(
            "Events waiting, by service",
            "Messages in work queues, those in hand included. A queue takes 1,000 unless set otherwise.",
            (Query(f"sum by (service) (headroom:backlog_messages{{{QUEUES}}})", "{{service}}"),),
            limits=(800,),
        ),
        Panel(
            "Events waiting, by type",
            "The same by what waits.",
            (Query(f"sum by (event_type) (headroom:backlog_messages{{{QUEUES}}})", "{{event_type}}"),),
        ),
        Panel(
            "Retries waiting",
            "Events that were put off and wait for their next attempt.",
            (Query(f"sum by (service) (headroom:retry_messages{{{QUEUES}}})", "{{service}}"),),
        ),
        Panel(
            "Retries, dead letters and refused publishes",
            "Per second. Refused is what the broker did not take at once, from a full queue for one.",
            tuple(
                Query(
                    per_second(f"headroom_events_{name}_total{{{SERVICE}}}", "service"),
                    f"{{{{service}}}} {name}",
                )
                for name in ("retried", "dead_lettered", "refused")
            ),
            unit="ops",
        ),
        Panel(
            "Dead letters",
            "By the service that gave them up; unroutable are events that nobody takes.",
            (
                Query(
                    'sum by (service) (headroom:dead_letter_messages{namespace=~"$namespace"})', "{{service}}"
                ),
            ),
            limits=(1,),
        ),
        Panel(
            "Events in hand",
            "Events that are being handled.",
            (Query(f"sum by (service) (headroom_events_in_hand{{{SERVICE}}})", "{{service}}"),),
        ),
    ),
)

PLATFORM: Final = Dashboard(
    uid="headroom-platform",
    title="Headroom platform",
    description="Events, lag, retries, dead letters, states and resources of all services.",
    rows=(OVERVIEW, RUNS, EVENTS, LAG, SERVICES_ROW, GATEWAY_ROW, BROKER_ROW),
    variables=(
        source_choice("prometheus"),
        label_choice("namespace", "headroom_build_info"),
        label_choice("service", "headroom_build_info"),
    ),
    links={"Headroom runs": "/d/headroom-runs", "Headroom logs": "/d/headroom-logs"},
)
