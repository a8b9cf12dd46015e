"""What an instance of the gateway tells Prometheus besides what every service does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric

    from headroom_gateway.feeds import Feeds
    from headroom_gateway.security.rates import Limit


class CallerMetrics(Collector):
    """Reads how many follow runs and how many are refused, whenever metrics are asked for.

    Args:
        feeds: who follows.
        limits: who is refused.
    """

    def __init__(self, feeds: Feeds, limits: Sequence[Limit]) -> None:
        self._feeds = feeds
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        """Return all metrics."""
        yield GaugeMetricFamily(
            "headroom_followers",
            "Clients that follow runs and experiments through this instance.",
            value=self._feeds.followers,
        )
        refused = CounterMetricFamily(
            "headroom_rate_limited", "Requests that were one too many, by limit.", labels=["limit"]
        )
        for limit in self._limits:
            refused.add_metric([limit.name], limit.refused)
        yield refused
