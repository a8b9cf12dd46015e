"""How far an experiment has come."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExperimentProgress:
    """What an experiment reports while it goes on.

    Attributes:
        round: how many times it has asked for trials; what it asks for next depends on what these gave.
        points: points so far; more may follow.
        trials_done: trials finished so far.
        trials: trials that were asked for so far.
        requests: requests simulated so far.
    """

    round: int
    points: int
    trials_done: int
    trials: int
    requests: int


OnExperimentProgress = Callable[[ExperimentProgress], None]
