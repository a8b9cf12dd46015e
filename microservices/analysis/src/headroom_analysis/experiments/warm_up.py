"""Where the warm-up of a scenario ends, by MSER-5 on the number of requests in its servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headroom_analysis.domain.intervals import BATCH, mser5
from headroom_analysis.domain.latency import NANOSECONDS
from headroom_analysis.domain.partials import STATES

if TYPE_CHECKING:
    from headroom_analysis.store import KeptTrials

_IN_SYSTEM = STATES.index("in_system")


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What a pilot shows.

    Attributes:
        cut_ns: what to leave out at the start, in nanoseconds.
        settled: whether the rule found its minimum before the latest cut that it may make, half of the
            horizon; if not, the horizon is too short, or there is no steady state.
        trials: of the pilot.
    """

    cut_ns: int
    settled: bool
    trials: int

    def document(self) -> dict[str, Any]:
        """Return what the experiment's document tells."""
        return {
            "rule": "MSER-5",
            "cut": self.cut_ns / NANOSECONDS,
            "settled": self.settled,
            "pilot_trials": self.trials,
        }


def warm_up_of(pilot: KeptTrials) -> WarmUp:
    """Return the warm-up that the trials of a run without one show.

    The number of requests in all servers is averaged over the trials at each sample instant, as Welch's
    procedure does (Law, "Simulation Modeling and Analysis", 5th ed., section 9.5.1); `mser5` cuts the mean.
    """
    layout = pilot.plan.layout
    samples = pilot.totals.samples.floats(0, layout.ticks)
    inside = samples[:, _IN_SYSTEM :: len(STATES)].sum(axis=1)
    cut = mser5(inside)
    latest = inside.size // BATCH // 2 * BATCH
    return WarmUp(cut * layout.period_ns, cut < latest or cut == 0, len(pilot.summaries))
