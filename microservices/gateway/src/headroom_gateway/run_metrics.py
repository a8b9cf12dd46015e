"""What became of the runs that this instance dealt with, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Histogram

from headroom_gateway.domain.lives import ACTIVE, RunState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from prometheus_client.registry import Collector

    from headroom_gateway.representations import Run

BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""Upper bounds of the buckets of what runs take, in seconds."""


class RunMetrics:
    """Counts runs and measures what they take, each at the one instance that changed them."""

    def __init__(self) -> None:
        self._accepted = Counter(
            "headroom_runs_accepted",
            "Runs that were accepted; cached are those that the result of an equal one answered at once.",
            ["cached"],
            registry=None,
        )
        self._ended = Counter(
            "headroom_runs_ended", "Runs that ended, by their state then.", ["state"], registry=None
        )
        self._stalled = Counter(
            "headroom_runs_stalled", "Runs that were ended because nothing was heard of them.", registry=None
        )
        self._wait = Histogram(
            "headroom_run_wait_seconds",
            "Time from the acceptance of a run, of no experiment, until the services got it, in seconds.",
            buckets=BUCKETS,
            registry=None,
        )
        self._duration = Histogram(
            "headroom_run_duration_seconds",
            "Time from when a run was handed to the services until its end, in seconds.",
            buckets=BUCKETS,
            registry=None,
        )
        # A series that begins with its first run hides that run from every rate.
        for cached in (False, True):
            self._accepted.labels(_word(cached))
        for state in RunState:
            if state not in ACTIVE:
                self._ended.labels(state.value)

    @property
    def collectors(self) -> Sequence[Collector]:
        """The metrics."""
        return [self._accepted, self._ended, self._stalled, self._wait, self._duration]

    def accepted(self, run: Run) -> None:
        """Note a run that was stored."""
        cached = not run.state.active
        self._accepted.labels(_word(cached)).inc()
        if cached:
            self._ended.labels(run.state.value).inc()

    def changed(self, run: Run, now: datetime) -> None:
        """Note a run that news changed at this moment, once that is committed."""
        if run.started_at == now and run.experiment_id is None:
            self._wait.observe((run.started_at - run.created_at).total_seconds())
        if run.ended_at == now:
            self._ended.labels(run.state.value).inc()
            if run.started_at is not None:
                self._duration.observe((run.ended_at - run.started_at).total_seconds())

    def stalled(self) -> None:
        """Note a run that was ended because nothing was heard of it."""
        self._stalled.inc()


def _word(value: bool) -> str:  # noqa: FBT001 - a value of a label
    return str(value).lower()
