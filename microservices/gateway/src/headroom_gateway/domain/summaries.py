"""A result on one screen: percentiles, verdict, where the time goes, and how it went over time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_CAUSES: Final = 8
_SERVERS: Final = 16
_QUANTITIES: Final = ("mean", "p50", "p90", "p95", "p99", "p999", "max")
_DIGITS: Final = 6


def summary_of(result: Mapping[str, Any], points: int) -> dict[str, Any]:
    """Return the summary of a result document (``headroom.result/v1``).

    Args:
        result: the document.
        points: how many instants of the series to keep at most; each stands for the mean of its span.
    """
    taken = ("format", "name", "scenario_hash", "engine_version", "seed", "trials", "partial", "confidence")
    return {
        **{name: result[name] for name in taken if name in result},
        "verdict": result["verdict"],
        "objectives": [
            {name: one[name] for name in ("objective", "value", "met", "certain")}
            for one in result["objectives"]
        ],
        "requests": result["requests"],
        "throughput": result["throughput"],
        "error_ratio": result["error_ratio"],
        "latency": {name: result["latency"][name] for name in _QUANTITIES},
        "anatomy": {name: _causes(result["anatomy"][name]) for name in ("mean", "p99")},
        "servers": [_server(one) for one in _busiest(result["servers"])],
        "servers_left_out": max(0, len(result["servers"]) - _SERVERS),
        "series": _thinned(result["series"], points),
    }


def _causes(anatomy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the largest causes; the parts come sorted."""
    parts = anatomy["parts"]
    kept = [
        {"cause": part["cause"], "server": part["server"], "share": _rounded(part["share"])}
        for part in parts[:_CAUSES]
    ]
    rest = sum(part["share"] for part in parts[_CAUSES:])
    return {"total": anatomy["total"], "parts": kept, "others_share": _rounded(rest)}


def _busiest(servers: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return the busiest servers, in the scenario's order."""
    ranked = sorted(range(len(servers)), key=lambda row: -(servers[row]["utilisation"]["value"] or 0.0))
    return [servers[row] for row in sorted(ranked[:_SERVERS])]


def _server(server: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": server["name"],
        "replicas": server["replicas"],
        "utilisation": server["utilisation"],
        "saturated": server["saturated"],
        "bottleneck": server["bottleneck"],
        "p99": server["latency"]["p99"],
    }


def _thinned(series: Mapping[str, Any], points: int) -> dict[str, Any]:
    """Return the series of the whole, each of up to so many values the mean of a span of equal length."""
    times = series["times"]
    width = max(1, -(-len(times) // points))
    spans = [slice(start, start + width) for start in range(0, len(times), width)]
    return {
        "period": series["period"] * width,
        "times": [times[span.start] for span in spans],
        **{
            name: [_rounded(_mean(series[name][span])) for span in spans] for name in ("throughput", "errors")
        },
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
