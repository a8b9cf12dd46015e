"""What the dashboards' questions to Prometheus have in common."""

from __future__ import annotations

from typing import Final

from observability.panels import Query

HERE: Final = 'job="headroom", namespace=~"$namespace"'
"""Selects the chosen installations."""

SERVICE: Final = f'{HERE}, service=~"$service"'
"""Selects the chosen services."""

QUEUES: Final = 'namespace=~"$namespace", service=~"$service"'
"""Selects what the broker tells of the chosen services."""

GATEWAY: Final = f'{HERE}, service="gateway"'
"""Selects the gateway."""

BROKER: Final = 'job="headroom-rabbitmq", namespace=~"$namespace"'
"""Selects the broker's nodes."""

_SHARES: Final = (0.5, 0.95, 0.99)


def per_second(metric: str, by: str = "") -> str:
    """Return how fast a counter grows, in all or by labels."""
    labels = f" by ({by})" if by else ""
    return f"sum{labels} (rate({metric}[$__rate_interval]))"


def quantile(share: float, buckets: str, by: str = "") -> str:
    """Return what a share of a histogram's observations stays below, of all or by labels."""
    return f"histogram_quantile({share}, {per_second(buckets, f'{by}, le' if by else 'le')})"


def quantiles(buckets: str, by: str = "") -> tuple[Query, ...]:
    """Return the median, the 95th and the 99th percentile of a histogram, of all or by a label."""
    legend = f"{{{{{by}}}}} " if by else ""
    return tuple(Query(quantile(share, buckets, by), f"{legend}p{share * 100:g}") for share in _SHARES)
