"""A sweep: a scenario at many points, all on the same random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headroom_analysis.experiments.designs import latin_hypercube, matrix
from headroom_analysis.experiments.document import value_document
from headroom_common.experiments.model import variations_of

if TYPE_CHECKING:
    from headroom_analysis.experiments.batches import Procedure
    from headroom_analysis.experiments.points import Lab
    from headroom_common.experiments.model import Sweep


def sweep(lab: Lab, plan: Sweep) -> Procedure[dict[str, Any]]:
    """Simulate every point.

    Raises:
        ScenarioError: a point is not valid.
    """
    variations = variations_of(plan.vary)
    if plan.samples is None:
        design = matrix(variations)
    else:
        design = latin_hypercube(variations, plan.samples, lab.experiment.seed)
    points = [lab.point(values) for values in design]
    yield from lab.simulate(points)
    return {
        "sweep": {
            "design": "matrix" if plan.samples is None else "latin-hypercube",
            "parameters": [
                {
                    "path": variation.path,
                    "scale": "linear" if variation.range is None else variation.range.scale,
                    "values": [
                        value_document(variation.path, text)
                        for text in dict.fromkeys(values[variation.path] for values in design)
                    ],
                }
                for variation in variations
            ],
            "verdicts": {
                verdict: sum(point.result()["verdict"] == verdict for point in points)
                for verdict in ("pass", "miss", "none")
            },
        }
    }
