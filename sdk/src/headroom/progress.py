"""How far a run has come, and how long it will take."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run reports while it goes on.

    Attributes:
        trials_done: trials finished so far.
        trials: trials in all.
        requests: requests simulated so far, over all trials.
        simulated: virtual time simulated so far, in seconds, summed over all trials.
        total: virtual time to simulate, in seconds, summed over all trials.
    """

    trials_done: int
    trials: int
    requests: int
    simulated: float
    total: float

    @property
    def share(self) -> float:
        """The part of the run that is done, 0 to 1."""
        if self.trials_done == self.trials:
            return 1.0
        return min(1.0, self.simulated / self.total)


OnProgress = Callable[[Progress], None]


class Pace:
    """The speed of a run, measured between its first report and its latest.

    The time before the first report goes into loading and compiling, so it says nothing of what is left.
    """

    def __init__(self) -> None:
        self._first: tuple[float, Progress] | None = None
        self._latest: tuple[float, Progress] | None = None

    def observe(self, now: float, progress: Progress) -> None:
        """Take a report that came at the time `now`, in seconds of any steady clock."""
        if self._first is None:
            self._first = now, progress
        self._latest = now, progress

    @property
    def requests_per_second(self) -> float | None:
        """Requests simulated per second of real time; None until it can be told."""
        return self._speed(lambda progress: progress.requests)

    @property
    def seconds_left(self) -> float | None:
        """Real time until the run is done, if it goes on like this; None until it can be told."""
        speed = self._speed(lambda progress: progress.share)
        if not speed or self._latest is None:
            return None
        return (1.0 - self._latest[1].share) / speed

    def _speed(self, quantity: Callable[[Progress], float]) -> float | None:
        """The growth of a quantity per second between the first and the latest report."""
        if self._first is None or self._latest is None:
            return None
        seconds = self._latest[0] - self._first[0]
        grown = quantity(self._latest[1]) - quantity(self._first[1])
        return grown / seconds if seconds > 0 else None
