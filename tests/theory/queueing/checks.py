"""Comparing simulation with theory honestly.

Every comparison asks whether the true value lies in the 99.9 % Student-t interval over independent
replications. At that level a correct simulator misses one comparison in a thousand. There are some fifty
here, so a fixed seed has about a 95 % chance to pass at the first try, and then passes for ever; at 95 %
two or three would fail and teach everybody to ignore them. What the wider interval gives away in power
is won back by run length: each comparison also demands that its interval be narrow.
"""

from __future__ import annotations

import zlib
from typing import Any

from headroom import Result, Scenario, run

CONFIDENCE = 0.999
TRIALS = 24
LITTLE_TOLERANCE = 1e-9
SKETCH_ERROR = 0.005
"""What a quantile of the latency sketch may be wrong by, relatively; theory knows exact quantiles."""


def simulate(document: dict[str, Any], *, trials: int = TRIALS) -> Result:
    """Run the replications; Little's law must hold in every one of them.

    The seed follows from the model's name, so that models miss independently of one another.
    """
    seed = zlib.crc32(document["metadata"]["name"].encode())
    result = run(Scenario.from_dict(document), trials=trials, seed=seed, confidence=CONFIDENCE)
    assert result.document["checks"]["littles_law_residual"] < LITTLE_TOLERANCE
    return result


def assert_agrees(figure: Any, truth: float, *, within: float = 0.05, slack: float = 0.0) -> None:
    """Assert that the figure's interval holds the truth and is no wider than ± `within` of it.

    Args:
        figure: a `Figure` of the result, or its mapping.
        truth: what theory says.
        within: the largest half-width allowed, relative to the truth.
        slack: a known relative error that widens the interval: of the sketch, or of an asymptotic formula.
    """
    value, low, high = (
        (figure["value"], figure["low"], figure["high"])
        if isinstance(figure, dict)
        else (figure.value, figure.low, figure.high)
    )
    said = f"theory {truth:.6g}, simulation {value:.6g} in [{low:.6g}, {high:.6g}]"
    assert low * (1.0 - slack) <= truth <= high * (1.0 + slack), said
    assert (high - low) / 2.0 <= within * truth, f"too wide to tell: {said}"
