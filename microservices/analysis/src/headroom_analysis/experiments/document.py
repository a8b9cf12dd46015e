"""The document of an experiment, `headroom.experiment/v1`; see docs/experiment-format.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headroom_analysis.domain.latency import NANOSECONDS
from headroom_analysis.domain.measures import Measure
from headroom_common.scenario import Scenario
from headroom_common.scenario.variations import amount_of

if TYPE_CHECKING:
    from headroom_analysis.experiments.points import Lab, Point

FORMAT: Final = "headroom.experiment/v1"
"""Name and version of the document."""

MOST_SERVERS: Final = 64
"""Of so many servers of a point figures are told."""

_MEASURES: Final = (
    *(Measure(f"latency.{name}") for name in ("mean", "p50", "p95", "p99", "p999")),
    *(Measure(name) for name in ("throughput", "error_ratio", "arrival_rate")),
)


def experiment_document(lab: Lab, found: dict[str, Any]) -> dict[str, Any]:
    """Return the document as plain JSON values with a fixed order of keys.

    Args:
        lab: the experiment and its points, all simulated.
        found: what this kind of experiment found out.
    """
    asked = lab.experiment
    scenario = Scenario.from_dict(asked.scenario)
    plan = asked.plan.model_dump(mode="json", exclude={"kind", "other"})
    return {
        "format": FORMAT,
        "engine_version": lab.points[0].facts.engine_version,
        "kind": asked.plan.kind,
        "name": scenario.metadata.name,
        "scenario_hash": scenario.content_hash(),
        "scenario": asked.scenario,
        "seed": asked.seed,
        "confidence": asked.confidence,
        "asked": plan
        | {
            "trials": asked.trials,
            "precision": asked.precision,
            "most_trials": asked.most_trials,
            "warm_up": asked.warm_up,
        },
        "trials": sum(point.trials for point in lab.points),
        "requests": sum(point.result()["requests"]["total"] for point in lab.points),
        **found,
        "points": [point_document(lab, point) for point in lab.points],
    }


def point_document(lab: Lab, point: Point) -> dict[str, Any]:
    """Return what is told of one point."""
    result = point.result()
    return {
        "index": point.index,
        "values": [value_document(path, text) for path, text in point.values.items()],
        "trials": point.trials,
        "precise": lab.precise(point),
        "warmup": point.layout.warmup_ns / NANOSECONDS,
        "warm_up": None if point.warm_up is None else point.warm_up.document(),
        "requests": result["requests"],
        "verdict": result["verdict"],
        "objectives": result["objectives"],
        "figures": [
            _figure(point, measure) for measure in dict.fromkeys((*_MEASURES, *point.judged, *lab.measures))
        ],
        "servers": [
            {
                key: server[key]
                for key in ("name", "replicas", "cores", "utilisation", "saturated", "bottleneck")
            }
            for server in result["servers"][:MOST_SERVERS]
        ],
    }


def value_document(path: str, text: str) -> dict[str, Any]:
    """Return a value that was put in: as text, and as a number with its unit where it is one."""
    amount = amount_of(text)
    return {
        "path": path,
        "text": text,
        "number": None if amount is None else amount.number,
        "unit": "" if amount is None else amount.unit,
    }


def _figure(point: Point, measure: Measure) -> dict[str, Any]:
    return {
        "metric": measure.metric,
        "scope": measure.scope,
        "unit": measure.unit,
        **point.figure(measure).document(),
        "median": point.median(measure).document() if measure.is_quantile else None,
    }
