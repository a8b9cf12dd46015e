"""Measures: a metric of all requests, or of one workload, endpoint or server, as objectives name them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headroom_analysis.domain.facts import ObjectiveFacts, RunFacts
    from headroom_analysis.domain.trees import Tree
    from headroom_analysis.domain.trial import TrialSummary

_RATIOS = ("error_ratio", "utilisation")
_UNITS = {"latency": "s", "throughput": "1/s", "arrival_rate": "1/s"}


class MeasureError(ValueError):
    """A measure names something that the scenario does not have."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured once per trial.

    Attributes:
        metric: as a path in the result, such as `latency.p99`.
        kind: `workload`, `endpoint` or `server`; None for all requests.
        name: which one.
    """

    metric: str
    kind: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, objective: ObjectiveFacts) -> Measure:
        """Return what an objective is about."""
        return cls(objective.metric, objective.kind, objective.name)

    @property
    def text(self) -> str:
        """As in an objective: `latency.p99 of server app`."""
        return self.metric if self.kind is None else f"{self.metric} of {self.kind} {self.name}"

    @property
    def scope(self) -> dict[str, str | None] | None:
        """As documents tell it: `{"server": "app"}`, None for all requests."""
        return None if self.kind is None else {self.kind: self.name}

    @property
    def unit(self) -> str:
        """`s`, `1/s`, or `1` for ratios and numbers."""
        return _UNITS.get(self.metric.partition(".")[0], "1")

    @property
    def is_ratio(self) -> bool:
        """Whether it is a share of a whole."""
        return self.metric in _RATIOS

    @property
    def is_quantile(self) -> bool:
        """Whether it is a quantile, of which the median over trials has an interval without assumptions."""
        return self.metric.startswith("latency.p")

    def place(self, places: Tree, facts: RunFacts) -> int:
        """Return where its number is in a trial's row.

        Args:
            places: from `places_of`, for the run's shape.
            facts: names.

        Raises:
            MeasureError: the scenario has no such member, or the member no such metric.
        """
        found: Any = places
        if self.kind is not None:
            names = _names(facts)[self.kind]
            if self.name not in names:
                message = f"{self.text}: expected a {self.kind} of {', '.join(names)}, found {self.name}"
                raise MeasureError(message)
            found = places[f"{self.kind}s"][names.index(self.name)]
        for key in self.metric.split("."):
            if not isinstance(found, dict) or key not in found:
                message = f"{self.text}: expected a metric of the result, found {self.metric}"
                raise MeasureError(message)
            found = found[key]
        if not isinstance(found, int):
            message = f"{self.text}: expected a number of the result, found several"
            raise MeasureError(message)
        return found


def values_at(summaries: Sequence[TrialSummary], place: int) -> list[float | None]:
    """Return one number per trial, None where there are no data."""
    numbers = (float(summary.row[place]) for summary in summaries)
    return [None if math.isnan(number) else number for number in numbers]


def _names(facts: RunFacts) -> dict[str, list[str]]:
    return {
        "workload": list(facts.workloads),
        "endpoint": list(facts.endpoints),
        "server": [server.name for server in facts.servers],
    }
