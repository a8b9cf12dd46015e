"""What the database says of all runs, looked up now and then: every instance tells Prometheus the same."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import case, func, select

from headroom_common.errors import TransientError
from headroom_common.logs import Log
from headroom_gateway.domain.lives import ACTIVE, RunState
from headroom_gateway.errors import NoResultError
from headroom_gateway.storage.schema import experiments, runs
from headroom_gateway.storage.times import from_us, maybe_from_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from prometheus_client.core import Metric
    from sqlalchemy import Row

    from headroom_common.event_manager import EventManager
    from headroom_common.event_manager.clock import Clock
    from headroom_gateway.storage.database import Database
    from headroom_gateway.storage.results import Results

PERIOD: Final = 15.0
"""Seconds between two looks."""

LOOKED_AT: Final = 1000
"""The newest runs among which the last result of a scenario is looked for."""

SCENARIOS: Final = 100
"""Scenarios whose last result is told, at most; those that ran last go first."""

VERDICTS: Final = ("pass", "miss", "none")

_QUANTILES: Final = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}
_UNDER_WAY: Final = (RunState.RUNNING, RunState.CANCELLING)
_MICROSECONDS: Final = 1e6

_ACTIVE_RUNS: Final = (
    select(
        runs.c.state,
        func.count().label("number"),
        # Runs of experiments wait by the thousand, and no caller for them.
        func.min(case((runs.c.experiment_id.is_(None), runs.c.created_at_us))).label("accepted_us"),
        func.min(runs.c.changed_at_us).label("heard_us"),
    )
    .where(runs.c.ended_at_us.is_(None))
    .group_by(runs.c.state)
)
_ACTIVE_EXPERIMENTS: Final = (
    select(experiments.c.state, func.count().label("number"))
    .where(experiments.c.ended_at_us.is_(None))
    .group_by(experiments.c.state)
)
_NEWEST: Final = (
    select(
        runs.c.scenario_name,
        runs.c.state,
        runs.c.cached,
        runs.c.result_hash,
        runs.c.started_at_us,
        runs.c.ended_at_us,
    )
    .where(runs.c.experiment_id.is_(None))  # whose scenarios differ under one name
    .order_by(runs.c.created_at_us.desc(), runs.c.id.desc())
    .limit(LOOKED_AT)
    .subquery()
)
_COMPLETED: Final = (
    select(_NEWEST)
    .where(_NEWEST.c.state == RunState.COMPLETED, ~_NEWEST.c.cached, _NEWEST.c.result_hash.is_not(None))
    .order_by(_NEWEST.c.ended_at_us.desc())
)
_log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a result says in a few numbers; those that it does not have are left out.

    Attributes:
        latency: quantiles in seconds, by their name.
        half_widths: of confidence intervals, as shares of their figures, by figure.
        throughput: answered requests per second of simulated time.
        error_ratio: share of requests that were not answered well.
        verdict: on the objectives.
        trials: replications that it is made of.
    """

    latency: Mapping[str, float]
    half_widths: Mapping[str, float]
    throughput: float | None
    error_ratio: float | None
    verdict: str
    trials: int

    @classmethod
    def of(cls, document: bytes) -> Figures:
        """Return the figures of a result document (``headroom.result/v1``)."""
        result = json.loads(document)
        latency = {name: result["latency"][name] for name in _QUANTILES}
        throughput, errors = result["throughput"], result["error_ratio"]
        widths = {name: _half_width(figure) for name, figure in {**latency, "throughput": throughput}.items()}
        return cls(
            latency=_present({name: figure["value"] for name, figure in latency.items()}),
            half_widths=_present(widths),
            throughput=throughput["value"],
            error_ratio=errors["value"],
            verdict=result["verdict"],
            trials=result["trials"],
        )


@dataclass(frozen=True, slots=True)
class LastResult:
    """The last result of a scenario.

    Attributes:
        figures: what it says.
        run_seconds: how long its run took.
        ended_at: seconds since 1970.
    """

    figures: Figures
    run_seconds: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look has found.

    Attributes:
        numbers: runs that have not ended, by state.
        experiments: experiments that have not ended, by state.
        waiting_since: when the longest waiting run was accepted, those of experiments left out; None when
            none waits.
        silent_since: the last news of the run that is silent for longest; None without runs under way.
        results: by name of the scenario.
    """

    numbers: Mapping[RunState, int]
    experiments: Mapping[RunState, int]
    waiting_since: datetime | None
    silent_since: datetime | None
    results: Mapping[str, LastResult] = field(default_factory=dict)


class Survey(Collector):
    """Looks at the runs in the database, and tells Prometheus what it saw last.

    While the database is away there is nothing to tell, and nothing is told.

    Args:
        database: where the runs are.
        results: where their results are.
        clock: time.
    """

    def __init__(self, database: Database, results: Results, clock: Clock) -> None:
        self._database = database
        self._results = results
        self._clock = clock
        self._figures: dict[str, Figures | None] = {}
        self._sight: Sight | None = None

    async def run(self, _: EventManager) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except TransientError as error:
                self._sight = None
                _log.warning("the survey waits for the database", reason=error.message)
            await asyncio.sleep(PERIOD)

    async def look(self) -> None:
        """Look once.

        Raises:
            TransientError: the database failed.
        """
        async with self._database.reading() as connection:
            active = {RunState(row.state): row for row in await connection.execute(_ACTIVE_RUNS)}
            asking = (await connection.execute(_ACTIVE_EXPERIMENTS)).all()
            completed = (await connection.execute(_COMPLETED)).all()
        unended = dict.fromkeys(sorted(ACTIVE), 0)
        latest: dict[str, Row[Any]] = {}
        for row in completed:
            if len(latest) < SCENARIOS:
                latest.setdefault(row.scenario_name, row)
        await self._read({row.result_hash for row in latest.values()})
        waiting = active.get(RunState.QUEUED)
        under_way = [active[state].heard_us for state in _UNDER_WAY if state in active]
        self._sight = Sight(
            numbers={state: active[state].number if state in active else 0 for state in sorted(ACTIVE)},
            experiments=unended | {RunState(row.state): row.number for row in asking},
            waiting_since=None if waiting is None else maybe_from_us(waiting.accepted_us),
            silent_since=from_us(min(under_way)) if under_way else None,
            results={
                name: _last_result(figures, row)
                for name, row in latest.items()
                if (figures := self._figures.get(row.result_hash)) is not None
            },
        )

    async def _read(self, wanted: set[str]) -> None:
        """Have the figures of these results at hand, and no others."""
        self._figures = {name: figures for name, figures in self._figures.items() if name in wanted}
        for name in wanted - self._figures.keys():
            try:
                document = await self._results.document(name)
            except NoResultError:
                continue  # removed meanwhile
            self._figures[name] = await asyncio.to_thread(_figures, document, name)

    def collect(self) -> Iterator[Metric]:
        """Return all metrics."""
        sight = self._sight
        if sight is None:
            return
        yield from _of_runs(sight, self._clock.now())
        yield from _of_results(sight.results)


def _of_runs(sight: Sight, now: datetime) -> Iterator[Metric]:
    for things, by_state in (("runs", sight.numbers), ("experiments", sight.experiments)):
        meaning = f"{things.capitalize()} that have not ended, by state."
        numbers = GaugeMetricFamily(f"headroom_{things}", meaning, labels=["state"])
        for state, number in by_state.items():
            numbers.add_metric([state.value], number)
        yield numbers
    yield GaugeMetricFamily(
        "headroom_runs_longest_wait_seconds",
        "How long the run has waited that waits longest to be handed to the services, in seconds.",
        value=_seconds_since(sight.waiting_since, now),
    )
    yield GaugeMetricFamily(
        "headroom_runs_longest_silence_seconds",
        "Time since the last news of the run under way that is silent for longest, in seconds.",
        value=_seconds_since(sight.silent_since, now),
    )


def _of_results(results: Mapping[str, LastResult]) -> Iterator[Metric]:
    latency = _family(
        "latency_seconds", "Latency that a share of requests stays below, in seconds.", "quantile"
    )
    widths = _family("half_width_ratio", "Half-width of a confidence interval over its figure.", "figure")
    verdict = _family("verdict", "1 for the verdict on the objectives, 0 for the others.", "verdict")
    plain = {
        "requests_per_second": "Requests answered per second of simulated time.",
        "error_ratio": "Share of requests that were not answered well.",
        "trials": "Replications that the result is made of.",
        "run_seconds": "Time that the run took, in seconds.",
        "timestamp_seconds": "When the run ended, in seconds since 1970.",
    }
    families = {name: _family(name, meaning) for name, meaning in plain.items()}
    for scenario, last in results.items():
        figures = last.figures
        for name, value in figures.latency.items():
            latency.add_metric([scenario, _QUANTILES[name]], value)
        for name, value in figures.half_widths.items():
            widths.add_metric([scenario, name], value)
        for name in VERDICTS:
            verdict.add_metric([scenario, name], float(name == figures.verdict))
        values = {
            "requests_per_second": figures.throughput,
            "error_ratio": figures.error_ratio,
            "trials": figures.trials,
            "run_seconds": last.run_seconds,
            "timestamp_seconds": last.ended_at,
        }
        for name, number in _present(values).items():
            families[name].add_metric([scenario], number)
    yield from (latency, widths, verdict, *families.values())


def _figures(document: bytes, name: str) -> Figures | None:
    """Return the figures of a result; None when it is not as it should be, which no other work waits for."""
    try:
        return Figures.of(document)
    except (LookupError, TypeError, ValueError) as error:
        _log.warning("a result has no figures", result=name, reason=repr(error))
        return None


def _family(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    text = f"Of the last result of a scenario: {meaning[0].lower()}{meaning[1:]}"
    return GaugeMetricFamily(f"headroom_result_{name}", text, labels=["scenario", *labels])


def _last_result(figures: Figures, row: Row[Any]) -> LastResult:
    ended = row.ended_at_us / _MICROSECONDS
    return LastResult(figures, ended - row.started_at_us / _MICROSECONDS, ended)


def _half_width(figure: Mapping[str, float | None]) -> float | None:
    value, low, high = figure["value"], figure["low"], figure["high"]
    return (high - low) / 2 / value if value and low is not None and high is not None else None


def _present(values: Mapping[str, float | None]) -> Mapping[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _seconds_since(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
