"""Points of an experiment: a scenario with values put in, and its trials, which further batches continue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from headroom_analysis.domain.intervals import Figure, figure_of, quantile_interval
from headroom_analysis.domain.measures import Measure, values_at
from headroom_analysis.domain.partials import Partial
from headroom_analysis.domain.precision import as_share, excess, trials_for
from headroom_analysis.domain.result import result_document
from headroom_analysis.domain.trees import places_of
from headroom_analysis.domain.trial import RunTotals, trial_tree
from headroom_analysis.experiments.batches import Batch
from headroom_analysis.experiments.warm_up import WarmUp, warm_up_of
from headroom_common.scenario.loading import with_values
from headroom_common.simcore.random import later_trials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_analysis.domain.facts import RunFacts
    from headroom_analysis.domain.layout import Layout
    from headroom_analysis.domain.trial import TrialSummary
    from headroom_analysis.experiments.batches import Procedure
    from headroom_analysis.store import KeptTrials
    from headroom_common.experiments.model import Experiment

PILOT_TRIALS: Final = 5
"""Trials of a pilot run that looks for the end of the warm-up."""

_JUDGED: Final = (Measure("latency.mean"), Measure("latency.p99"))
"""What a precision is about when there are no objectives."""


class Point:
    """One scenario of an experiment and its trials.

    Args:
        index: its number.
        values: what was put into the experiment's scenario, by path.
        scenario: canonical, with the values.
        experiment: seed and confidence.

    Attributes:
        index, values: as above.
        scenario: canonical, as it is simulated: a warm-up that was found is in it.
        warm_up: what was found, None unless it was looked for.
    """

    def __init__(
        self, index: int, values: Mapping[str, str], scenario: dict[str, Any], experiment: Experiment
    ) -> None:
        self.index = index
        self.values = dict(values)
        self.scenario = scenario
        self.warm_up: WarmUp | None = None
        self._seed = experiment.seed
        self._confidence = experiment.confidence
        self._kept: list[KeptTrials] = []
        self._measured: dict[Measure, list[float | None]] = {}
        self._result: dict[str, Any] | None = None

    @property
    def trials(self) -> int:
        """How many there are."""
        return sum(len(kept.summaries) for kept in self._kept)

    @property
    def layout(self) -> Layout:
        """Sizes and maps."""
        return self._kept[0].plan.layout

    @property
    def facts(self) -> RunFacts:
        """Names and parameters, as of one run of all trials."""
        return replace(
            self._kept[0].plan.facts, seed=self._seed, trials=self.trials, confidence=self._confidence
        )

    @property
    def objectives(self) -> tuple[Measure, ...]:
        """What the scenario's objectives are about, each once."""
        return tuple(dict.fromkeys(Measure.of(objective) for objective in self.facts.objectives))

    @property
    def judged(self) -> tuple[Measure, ...]:
        """What a precision is about: the objectives' metrics, or mean and p99 of the latency."""
        return self.objectives or _JUDGED

    def batch(self, trials: int) -> Batch:
        """Return the run that continues the point up to a number of trials."""
        first = self.trials
        return Batch(f"{self.index}/{first}", self.scenario, later_trials(self._seed, first), trials - first)

    def pilot(self) -> Batch:
        """Return the run that looks for the end of the warm-up."""
        scenario = with_values(self.scenario, {"spec.warmup": "0s"})
        return Batch(f"{self.index}/pilot", scenario, self._seed, PILOT_TRIALS)

    def settle(self, warm_up: WarmUp) -> None:
        """Leave out a warm-up that pilots showed.

        Raises:
            ScenarioError: it is longer than the horizon.
        """
        self.warm_up = warm_up
        self.scenario = with_values(self.scenario, {"spec.warmup": f"{warm_up.cut_ns}ns"})

    def add(self, kept: KeptTrials) -> None:
        """Take the trials of the batch that was asked for."""
        self._kept.append(kept)
        self._measured.clear()
        self._result = None

    def summaries(self) -> list[TrialSummary]:
        """Return those of all trials, numbered as trials of one run."""
        together: list[TrialSummary] = []
        for kept in self._kept:
            first = len(together)
            together += [replace(summary, trial=first + summary.trial) for summary in kept.summaries]
        return together

    def measured(self, measure: Measure) -> list[float | None]:
        """Return one number per trial, None where there are no data.

        Raises:
            MeasureError: the scenario has no such thing.
        """
        if measure not in self._measured:
            facts = self.facts
            shape = trial_tree(Partial.empty(self.layout), self.layout, facts.servers)
            place = measure.place(places_of(shape), facts)
            self._measured[measure] = values_at(self.summaries(), place)
        return self._measured[measure]

    def figure(self, measure: Measure) -> Figure:
        """Return the mean over trials with its interval; raises what `measured` does."""
        return figure_of(self.measured(measure), self._confidence, least=0.0)

    def median(self, measure: Measure) -> Figure:
        """Return the median over trials with its order-statistic interval; raises what `measured` does."""
        known = [value for value in self.measured(measure) if value is not None]
        if not known:
            return Figure(None)
        low, high = quantile_interval(known, 0.5, self._confidence) or (None, None)
        return Figure(median(known), low, high)

    def judged_figures(self) -> list[Figure]:
        """Return the intervals that a precision is about."""
        return [self.judged_figure(measure) for measure in self.judged]

    def judged_figure(self, measure: Measure) -> Figure:
        """Return the interval of a measure as a precision sees it: that of a ratio is one of the whole."""
        figure = self.figure(measure)
        return as_share(figure) if measure.is_ratio else figure

    def result(self) -> dict[str, Any]:
        """Return the result document, the same bytes as that of one run of all trials."""
        if self._result is None:
            totals = RunTotals.empty(self.layout)
            for kept in self._kept:
                totals.join(kept.totals)
            self._result = result_document(self.summaries(), totals, self.layout, self.facts)
        return self._result


Judged = Callable[[Point], Iterable[Figure]]
"""What has to be precise of a point."""


class Lab:
    """Makes points, and has them simulated.

    Args:
        experiment: what is asked for.

    Attributes:
        experiment: as above.
        points: all that were made.
        measures: what is told of each besides what is always told.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.points: list[Point] = []
        self.measures: tuple[Measure, ...] = ()
        self._judged: Judged = Point.judged_figures

    def point(self, values: Mapping[str, str], scenario: dict[str, Any] | None = None) -> Point:
        """Make a point.

        Args:
            values: what to put in, by path.
            scenario: where to put it; None for the experiment's.

        Raises:
            ScenarioError: what it gives is not valid.
        """
        base = self.experiment.scenario if scenario is None else scenario
        point = Point(
            len(self.points), values, with_values(base, values) if values else base, self.experiment
        )
        self.points.append(point)
        return point

    def simulate(
        self, points: Sequence[Point], *, judged: Judged = Point.judged_figures, same_window: bool = False
    ) -> Procedure[None]:
        """Give points the trials that were asked for, and more until they are precise.

        Args:
            points: which ones.
            judged: what has to be precise.
            same_window: whether a warm-up that is looked for is the same for all, the longest that one needs:
                trials that are compared with each other must be about the same requests.

        Raises:
            ScenarioError: a warm-up is longer than a horizon.
        """
        asked, self._judged = self.experiment, judged
        if asked.warm_up == "auto":
            given = yield [point.pilot() for point in points]
            found = {point: warm_up_of(given[point.pilot().name]) for point in points}
            longest = max(warm_up.cut_ns for warm_up in found.values())
            for point, warm_up in found.items():
                point.settle(replace(warm_up, cut_ns=longest) if same_window else warm_up)
        yield from self.grow(dict.fromkeys(points, asked.trials))
        while wanted := {point: more for point in points if (more := self._needed(point)) > point.trials}:
            yield from self.grow(wanted)

    def grow(self, wanted: Mapping[Point, int]) -> Procedure[None]:
        """Continue points up to numbers of trials, all at once."""
        batches = {point: point.batch(trials) for point, trials in wanted.items() if trials > point.trials}
        if not batches:
            return
        given = yield list(batches.values())
        for point, batch in batches.items():
            point.add(given[batch.name])

    def precise(self, point: Point) -> bool | None:
        """Tell whether a point reached the precision that was asked for; None when none was.

        What has no data is never precise.
        """
        asked = self.experiment.precision
        if asked is None:
            return None
        figures = list(self._judged(point))
        return all(figure.value is not None for figure in figures) and excess(figures, asked) <= 1

    def _needed(self, point: Point) -> int:
        asked = self.experiment
        if asked.precision is None:
            return point.trials
        return trials_for(point.trials, excess(self._judged(point), asked.precision), asked.most_trials)
