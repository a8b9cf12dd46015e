"""The whole scenario, and the objectives that it is judged by."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from headroom.builder.parts import Part, given
from headroom.scenarios import parse
from headroom_common.scenario import Scenario

Metric = Literal[
    "latency.mean",
    "latency.p50",
    "latency.p90",
    "latency.p95",
    "latency.p99",
    "latency.p999",
    "latency.max",
    "error_ratio",
    "throughput",
    "utilisation",
]


def objective(
    metric: Metric,
    *,
    below: str | float | None = None,
    above: str | float | None = None,
    workload: str | None = None,
    endpoint: str | None = None,
    server: str | None = None,
) -> Part:
    """A bound on a metric; the sentence `"latency.p99 below 250ms"` says the same."""
    return given(metric=metric, below=below, above=above, workload=workload, endpoint=endpoint, server=server)


def scenario(  # noqa: PLR0913 - the keys of the YAML, all but the first by name
    name: str,
    *,
    horizon: str,
    workloads: Sequence[Mapping[str, Any]],
    servers: Sequence[Mapping[str, Any]],
    links: Sequence[Mapping[str, Any]] | None = None,
    routers: Sequence[Mapping[str, Any]] | None = None,
    faults: Sequence[Mapping[str, Any]] | None = None,
    objectives: Sequence[str | Mapping[str, Any]] | None = None,
    warmup: str | None = None,
    sample_period: str | None = None,
    description: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Scenario:
    """The whole scenario, checked.

    Args:
        name: a DNS label, such as `two-servers`.
        horizon: how long arrivals go on, such as `"600s"`.
        workloads: made by `workload`.
        servers: made by `server`.
        links: made by `link`.
        routers: made by `router`.
        faults: made by `server_down`, `server_slowdown`, `link_delay` and `link_loss`.
        objectives: sentences, or made by `objective`.
        warmup: what is left out of the statistics at the start.
        sample_period: the period of the sampled series.
        description: for readers.
        labels: your own key-value pairs.

    Raises:
        HeadroomError: something is wrong; the message lists every problem with its path.
    """
    parts = {"workloads": workloads, "links": links, "routers": routers, "servers": servers, "faults": faults}
    lists = {key: None if part is None else [dict(one) for one in part] for key, part in parts.items()}
    return parse(
        {
            "apiVersion": "headroom.dev/v1",
            "kind": "Scenario",
            "metadata": given(
                name=name, description=description, labels=None if labels is None else dict(labels)
            ),
            "spec": given(
                horizon=horizon,
                warmup=warmup,
                sample_period=sample_period,
                **lists,
                objectives=None if objectives is None else list(objectives),
            ),
        }
    )
