"""Where the time of a run goes: prints nanoseconds per request by stage and model, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import headroom_side
from benchmarks.stages import Stages

if TYPE_CHECKING:
    from headroom_common.scenario import Scenario


def profile(scenario: Scenario, trials: int) -> dict[str, float]:
    """Return nanoseconds of processor time per request by stage."""
    Stages().drive(scenario, 1, 1)  # loads the compiled kernels
    stages = Stages()
    stages.drive(scenario, trials, 1)
    return {name: seconds / stages.requests * 1e9 for name, seconds in stages.seconds.items()}


if __name__ == "__main__":
    two_servers = profile(headroom_side.two_servers(), headroom_side.TRIALS)
    mm4 = profile(headroom_side.mm4_queue(3_000_000), 1)
    print(json.dumps({"two_servers_lb_10x": two_servers, "mm4": mm4}))
