"""What became of the experiments that this instance dealt with, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from prometheus_client import Counter

from headroom_gateway.domain.lives import ACTIVE, RunState
from headroom_gateway.experiment_representations import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client.registry import Collector

    from headroom_gateway.experiment_representations import Experiment

KINDS: Final[tuple[str, ...]] = get_args(Kind)
"""The kinds of experiments."""


class ExperimentMetrics:
    """Counts experiments, each at the one instance that changed them."""

    def __init__(self) -> None:
        self._accepted = Counter(
            "headroom_experiments_accepted",
            "Experiments that were accepted, by kind.",
            ["kind"],
            registry=None,
        )
        self._ended = Counter(
            "headroom_experiments_ended",
            "Experiments that ended, by kind and their state then.",
            ["kind", "state"],
            registry=None,
        )
        # A series that begins with its first experiment hides that from every rate.
        for kind in KINDS:
            self._accepted.labels(kind)
            for state in RunState:
                if state not in ACTIVE:
                    self._ended.labels(kind, state.value)

    @property
    def collectors(self) -> Sequence[Collector]:
        """The metrics."""
        return [self._accepted, self._ended]

    def accepted(self, experiment: Experiment) -> None:
        """Note an experiment that was stored."""
        self._accepted.labels(experiment.kind).inc()

    def changed(self, experiment: Experiment) -> None:
        """Note an experiment that news changed, once that is committed; only a change can end it."""
        if experiment.state not in ACTIVE:
            self._ended.labels(experiment.kind, experiment.state.value).inc()
