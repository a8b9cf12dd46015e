"""Replications of one scenario, as many as a precision needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headroom_analysis.experiments.batches import Procedure
    from headroom_analysis.experiments.points import Lab
    from headroom_common.experiments.model import Replicate


def replicate(lab: Lab, _: Replicate) -> Procedure[dict[str, Any]]:
    """Simulate the scenario until it is precise enough."""
    point = lab.point({})
    yield from lab.simulate([point])
    judged = [
        {
            "metric": measure.metric,
            "scope": measure.scope,
            "half_width": point.judged_figure(measure).relative_half_width,
            "relative": not measure.is_ratio,
        }
        for measure in point.judged
    ]
    return {"replicate": {"judged": judged}, "result": point.result()}
