"""Rows of the platform's dashboard: services, gateway, broker."""

from __future__ import annotations

from typing import Final

from observability.panels import Panel, Query, Row
from observability.queries import BROKER, GATEWAY, SERVICE, per_second, quantile, quantiles

_ANSWERS: Final = f"headroom_http_request_duration_seconds_bucket{{{GATEWAY}}}"

SERVICES_ROW: Final = Row(
    "Services",
    (
        Panel(
            "Instances by state",
            "A service is starting, ready, degraded, draining or stopped.",
            (
                Query(
                    f"sum by (service, state) (headroom_service_state{{{SERVICE}}}) > 0",
                    "{{service}} {{state}}",
                ),
            ),
        ),
        Panel(
            "Troubles",
            "Instances that are degraded, by what is wrong: connection or confirms (broker), inbox (Redis), "
            "database, preparation (a database that was never reached).",
            (
                Query(
                    f"sum by (service, trouble) (headroom_service_trouble{{{SERVICE}}})",
                    "{{service}} {{trouble}}",
                ),
            ),
            limits=(1,),
        ),
        Panel(
            "What runs",
            "Instances by version and age of their process.",
            (
                Query(f"headroom_build_info{{{SERVICE}}}"),
                Query(f"time() - process_start_time_seconds{{{SERVICE}}}"),
            ),
            unit="s",
            kind="table",
            columns={"service": "service", "instance": "instance", "version": "version", "Value #B": "age"},
        ),
        Panel(
            "Processor",
            "Cores in use by instance.",
            (
                Query(
                    f"rate(process_cpu_seconds_total{{{SERVICE}}}[$__rate_interval])",
                    "{{service}} {{instance}}",
                ),
            ),
        ),
        Panel(
            "Memory",
            "Resident memory by instance. Segments, windows and queue limits bound it.",
            (Query(f"process_resident_memory_bytes{{{SERVICE}}}", "{{service}} {{instance}}"),),
            unit="bytes",
        ),
        Panel(
            "Open files",
            "Share of the files that a process may open, sockets included.",
            (
                Query(
                    f"process_open_fds{{{SERVICE}}} / process_max_fds{{{SERVICE}}}",
                    "{{service}} {{instance}}",
                ),
            ),
            unit="percentunit",
            limits=(0.8,),
            largest=1,
        ),
    ),
)

GATEWAY_ROW: Final = Row(
    "Gateway",
    (
        Panel(
            "Requests, by route",
            "Per second, without probes and metrics. What is refused before it reaches a route has none.",
            (
                Query(
                    per_second(f"headroom_http_requests_total{{{GATEWAY}}}", "method, route"),
                    "{{method}} {{route}}",
                ),
            ),
            unit="reqps",
        ),
        Panel(
            "Answers, by status",
            "Per second.",
            (Query(per_second(f"headroom_http_requests_total{{{GATEWAY}}}", "status"), "{{status}}"),),
            unit="reqps",
        ),
        Panel(
            "Time until an answer begins",
            "Over all routes. 99 in 100 should begin within half a second, reports and comparisons apart.",
            quantiles(_ANSWERS),
            unit="s",
            limits=(0.5,),
        ),
        Panel(
            "Slowest routes",
            "The 95th percentile of the time until an answer begins, the ten slowest.",
            (
                Query(
                    f"topk(10, {quantile(0.95, _ANSWERS, 'method, route')})",
                    "{{method}} {{route}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Refused for their rate",
            "Requests per second that were one too many, by limit.",
            (Query(per_second(f"headroom_rate_limited_total{{{GATEWAY}}}", "limit"), "{{limit}}"),),
            unit="reqps",
        ),
        Panel(
            "Followers",
            "Clients that follow runs (server-sent events), by instance.",
            (Query(f"headroom_followers{{{GATEWAY}}}", "{{instance}}"),),
            stacked=True,
        ),
    ),
)

BROKER_ROW: Final = Row(
    "Broker",
    (
        Panel(
            "Alarms",
            "1 while the broker takes no messages, and why.",
            (
                Query(f"max(rabbitmq_alarms_memory_used_watermark{{{BROKER}}})", "memory"),
                Query(f"max(rabbitmq_alarms_free_disk_space_watermark{{{BROKER}}})", "disk"),
                Query(f"max(rabbitmq_alarms_file_descriptor_limit{{{BROKER}}})", "files"),
            ),
            limits=(1,),
            largest=1,
        ),
        Panel(
            "Memory",
            "Of each node, as a share of where the alarm is.",
            (
                Query(
                    f"rabbitmq_process_resident_memory_bytes{{{BROKER}}}"
                    f" / rabbitmq_resident_memory_limit_bytes{{{BROKER}}}",
                    "{{instance}}",
                ),
            ),
            unit="percentunit",
            limits=(0.8, 1),
        ),
        Panel(
            "Free disk",
            "Of each node, as a multiple of where the alarm is.",
            (
                Query(
                    f"rabbitmq_disk_space_available_bytes{{{BROKER}}}"
                    f" / rabbitmq_disk_space_available_limit_bytes{{{BROKER}}}",
                    "{{instance}}",
                ),
            ),
            unit="none",
        ),
        Panel(
            "Messages",
            "Per second: taken from publishers, delivered, acknowledged, delivered again.",
            tuple(
                Query(per_second(f"rabbitmq_global_messages_{name}_total{{{BROKER}}}"), name)
                for name in ("received", "delivered", "acknowledged", "redelivered")
            ),
            unit="ops",
        ),
        Panel(
            "Connections and channels",
            "Each instance has two connections. Many that come and go are a sign of trouble.",
            (
                Query(f"sum(rabbitmq_connections{{{BROKER}}})", "connections"),
                Query(f"sum(rabbitmq_channels{{{BROKER}}})", "channels"),
            ),
        ),
        Panel(
            "Consumers of work queues",
            "The fewest that any work queue of a service has: 0 is a queue that nobody takes from.",
            (
                Query(
                    'min by (service) (headroom:work_queue_consumers{namespace=~"$namespace"})',
                    "{{service}}",
                ),
            ),
        ),
    ),
)
