"""An analysis that knows what it wants beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway_testing.scenarios import stored
from headroom_gateway.analysis_client import Batch, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID


def batch(name: str, *, seed: int = 1, trials: int = 3, scenario: str | None = None) -> Batch:
    """Return a run that is wanted, of a scenario of its own unless another one is named."""
    return Batch(name, stored(scenario or f"point-{name.partition('/')[0]}").document, seed, trials)


class Analyst:
    """Wants the runs of one round after the other, and then has found out how many there were.

    As of the real one, its answer depends on the runs that it is given alone.

    Args:
        rounds: names of batches, or the batches.

    Attributes:
        asked: what it was asked with: the experiment and the runs, each time.
        fails: is called before it answers.
    """

    def __init__(self, *rounds: list[str] | list[Batch]) -> None:
        self._rounds = [[batch(one) if isinstance(one, str) else one for one in wanted] for wanted in rounds]
        self.asked: list[tuple[Mapping[str, Any], Mapping[str, UUID]]] = []
        self.fails: Callable[[], None] = lambda: None

    async def step(self, asked: Mapping[str, Any], runs: Mapping[str, UUID]) -> Step:
        """Return the next round."""
        self.asked.append((asked, dict(runs)))
        self.fails()
        points = {name.partition("/")[0] for name in runs}
        for wanted in self._rounds:
            if any(one.name not in runs for one in wanted):
                points |= {one.name.partition("/")[0] for one in wanted}
                return Step(tuple(one for one in wanted if one.name not in runs), None, len(points))
        return Step((), {"format": "headroom.experiment/v1", "runs": len(runs)}, len(points))
