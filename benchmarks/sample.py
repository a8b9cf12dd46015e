"""What one measurement found."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one side.

    Attributes:
        amount: work done: requests, customers or events.
        wall: seconds that it took.
        cpu: seconds of processor time of the whole process, all its threads; unlike `wall` it does not grow
            when other programs want the same core.
        mean: mean latency of the simulated requests in seconds, or size of the answers to events in bytes,
            to check that both sides did the same work.
        p99: its 99th percentile.
        notes: further figures by name.
    """

    amount: int
    wall: float
    cpu: float
    mean: float
    p99: float
    notes: dict[str, float]

    @property
    def speed(self) -> float:
        """Work done per second of processor time."""
        return self.amount / self.cpu

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """What `to_json` wrote."""
        return cls(**json.loads(line))


@dataclass(slots=True)
class Stopwatch:
    """Adds up the time in which something runs.

    Attributes:
        wall: seconds.
        cpu: seconds of processor time of the process.
    """

    wall: float = 0.0
    cpu: float = 0.0
    _began: tuple[float, float] | None = None

    def time(self, work: Callable[[], _T]) -> _T:
        """Do the work and add its time."""
        self.start()
        result = work()
        self.stop()
        return result

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._began is None:
            self._began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Add the time since it began."""
        if self._began is not None:
            self.wall += time.perf_counter() - self._began[0]
            self.cpu += time.process_time() - self._began[1]
            self._began = None
