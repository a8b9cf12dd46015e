"""Experiments on their way: whenever all runs of one have ended, analysis tells which it wants next.

Nothing is remembered between two steps but which run is which batch, and that is in the rows of the runs.
Their ids are made of the experiment and the name of the batch, so a step that is taken twice, by two
instances or after a crash, adds the same runs once.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid5

from headroom_common.defaults import REMOTE_SEGMENT_ARRIVALS
from headroom_common.errors import HeadroomError, TransientError
from headroom_common.logs import Log
from headroom_common.scenario import Scenario
from headroom_common.scenario.loading import LoadedScenario
from headroom_gateway.analysis_client import StepRefusedError
from headroom_gateway.domain.experiments import Broken, Found, RunsEnded
from headroom_gateway.domain.lives import RunState
from headroom_gateway.storage.experiment_runs import Wish
from headroom_gateway.storage.experiments import NewDocument
from headroom_gateway.storage.scenarios import NewScenario
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from headroom_common.event_manager import EventManager
    from headroom_common.event_manager.clock import Clock
    from headroom_gateway.analysis_client import AnalysisClient, Batch, Step
    from headroom_gateway.domain.experiments import ExperimentNews
    from headroom_gateway.feeds import Feeds
    from headroom_gateway.relay import Relay
    from headroom_gateway.storage.experiment_runs import ExperimentRuns, KnownRun

LEASE: Final = timedelta(seconds=5)
"""How long an experiment is left alone that an instance takes a step of, or may have died over."""

RETRY: Final = timedelta(seconds=2)
"""How long an experiment is left alone whose step could not be taken, for analysis is away or busy."""

STEPS: Final = 4
"""Steps that an instance takes at once."""

_NANOSECONDS: Final = 1e9
_UNWANTED_AT_ONCE: Final = 50
_POLL: Final = 1.0
_BREATH: Final = 0.1
_PROGRESS_PERIOD: Final = 0.5
"""Seconds between two looks at how far the runs have come."""

_log = Log(__name__)


class Experimenter:
    """Takes experiments from step to step.

    Args:
        own_runs: the runs that they want.
        analysis: knows the next step.
        feeds: is told of what changed.
        relay: hands runs to the services.
        clock: time.
        most_requests: simulated requests in all runs of one experiment.
    """

    def __init__(
        self,
        own_runs: ExperimentRuns,
        analysis: AnalysisClient,
        feeds: Feeds,
        relay: Relay,
        clock: Clock,
        *,
        most_requests: float,
    ) -> None:
        self._own_runs = own_runs
        self._experiments = own_runs.experiments
        self._runs = own_runs.runs
        self._analysis = analysis
        self._feeds = feeds
        self._relay = relay
        self._clock = clock
        self._most_requests = most_requests
        self._news = asyncio.Event()
        self._steps: set[UUID] = set()

    def wake(self) -> None:
        """Have it look at once: there is an experiment, one is not wanted, or a run of one has ended."""
        self._news.set()

    async def run(self, _: EventManager) -> None:
        """Work until cancelled; a database that is away is waited for."""
        loop = asyncio.get_running_loop()
        noted = loop.time()
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                busy = 0
                try:
                    busy = await self.cancel_unwanted()
                    if loop.time() >= noted + _PROGRESS_PERIOD:
                        await self.note_progress()
                        noted = loop.time()
                    for experiment_id in await self.due():
                        self._steps.add(experiment_id)
                        group.create_task(self._take(experiment_id))
                except TransientError as error:
                    _log.warning("the experimenter waits for the database", reason=error.message)
                if not busy:
                    await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(_BREATH)
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL):
                await self._news.wait()

    async def cancel_unwanted(self) -> int:
        """Have some of the runs end whose experiments want them no more; return how many.

        Raises:
            TransientError: the database failed.
        """
        now = self._clock.now()
        changed = await self._own_runs.cancel_unwanted(_UNWANTED_AT_ONCE, now)
        for run in changed:
            self._runs.metrics.changed(run, now)
            self._feeds.notify(run.id)
        if changed:
            self._relay.wake()
        return len(changed)

    async def note_progress(self) -> None:
        """Tell how far the runs of experiments have come.

        Raises:
            TransientError: the database failed.
        """
        for experiment_id, advanced in (await self._own_runs.progress()).items():
            await self._tell(experiment_id, advanced)

    async def due(self) -> Sequence[UUID]:
        """Return experiments of which this instance may take a step now.

        Raises:
            TransientError: the database failed.
        """
        room = STEPS - len(self._steps)
        if room <= 0:
            return ()
        found = await self._own_runs.due(self._clock.now(), STEPS)
        return [experiment_id for experiment_id in found if experiment_id not in self._steps][:room]

    async def _take(self, experiment_id: UUID) -> None:
        try:
            await self.take_step(experiment_id)
        except TransientError as error:
            _log.warning("an experiment waits", experiment_id=str(experiment_id), reason=error.message)
        finally:
            self._steps.discard(experiment_id)
            self.wake()

    async def take_step(self, experiment_id: UUID) -> None:
        """Take the next step of an experiment, unless another instance does.

        Raises:
            TransientError: analysis or the database is away; the step is taken later.
        """
        now = self._clock.now()
        row = await self._own_runs.lease(experiment_id, now, now + LEASE)
        if row is None:
            return
        free_at = now
        try:
            async with self._held(experiment_id):
                await self._follow_up(row)
        except TransientError:
            free_at = self._clock.now() + RETRY
            raise
        except HeadroomError as error:
            field = error.field if isinstance(error, StepRefusedError) else None
            await self._tell(experiment_id, Broken(error.message, field))
        finally:
            await self._own_runs.hold(experiment_id, free_at)

    @asynccontextmanager
    async def _held(self, experiment_id: UUID) -> AsyncIterator[None]:
        """Keep other instances from an experiment for as long as it takes."""

        async def hold() -> None:
            while True:
                await asyncio.sleep(LEASE.total_seconds() / 3)
                with suppress(TransientError):
                    await self._own_runs.hold(experiment_id, self._clock.now() + LEASE)

        holding = asyncio.create_task(hold())
        try:
            yield
        finally:
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding

    async def _follow_up(self, row: Mapping[str, Any]) -> None:
        """Do what follows from the runs of an experiment.

        Raises:
            StepRefusedError: it cannot go on.
            HeadroomError: the database or analysis is away, or what analysis wants is not valid.
        """
        experiment_id = row["id"]
        known = await self._own_runs.known(experiment_id)
        broken = next((run for run in known if run.state in {RunState.FAILED, RunState.CANCELLED}), None)
        if row["state"] == RunState.CANCELLING:
            await self._tell(experiment_id, RunsEnded())
        elif broken is not None:
            reason = f"run {broken.id}: {broken.failure_reason or 'it was cancelled'}"
            await self._tell(experiment_id, Broken(reason, broken.failure_field))
        elif all(run.state == RunState.COMPLETED for run in known):
            await self._go_on(row, known)

    async def _go_on(self, row: Mapping[str, Any], known: Sequence[KnownRun]) -> None:
        completed = {run.batch: run.id for run in known}
        step = await self._analysis.step(await self._own_runs.asked(row), completed)
        if step.document is None:
            await self._want(row, step, completed)
            return
        await self.note_progress()
        document = await asyncio.to_thread(NewDocument.of, step.document)
        await self._tell(row["id"], Found(step.points, document.hash), document)

    async def _want(self, row: Mapping[str, Any], step: Step, completed: Mapping[str, UUID]) -> None:
        """Have the runs of a step made.

        Raises:
            StepRefusedError: they are too many, or some were there before.
            HeadroomError: a scenario is not valid, or the database failed.
        """
        again = next((batch.name for batch in step.wanted if batch.name in completed), None)
        if again is not None:
            message = f"analysis: expected runs that it does not have yet, found {again} among them"
            raise StepRefusedError(message, None)
        now = self._clock.now()
        wishes = await asyncio.to_thread(_wishes, row, step.wanted, now)
        requests = row["requests_wanted"] + sum(wish.requests for wish in wishes)
        if not requests <= self._most_requests:
            limit = self._most_requests
            message = (
                f"experiment: expected at most {limit:.3g} simulated requests in all its runs,"
                f" found about {requests:.3g} that it wants"
            )
            raise StepRefusedError(message, None)
        await self.note_progress()
        experiment, added = await self._own_runs.add(row, wishes, step.points, now)
        for run in added:
            self._runs.metrics.accepted(run)
        if experiment is not None:
            self._feeds.notify(experiment.id)
        self._relay.accepted()

    async def _tell(
        self, experiment_id: UUID, news: ExperimentNews, document: NewDocument | None = None
    ) -> None:
        """Let news change an experiment, and tell of it."""
        changed = await self._experiments.note(experiment_id, news, self._clock.now(), document)
        if changed is not None:
            self._feeds.notify(experiment_id)


def _wishes(row: Mapping[str, Any], wanted: Sequence[Batch], now: datetime) -> Sequence[Wish]:
    """Return the runs that an experiment wants; takes milliseconds for each scenario.

    Raises:
        ScenarioError: a scenario is not valid.
    """
    confidence = json.loads(row["asked"])["confidence"]
    wishes = []
    for number, batch in enumerate(wanted):
        scenario = NewScenario.of(LoadedScenario(Scenario.from_dict(batch.scenario)))
        run = {
            "id": uuid5(row["id"], batch.name),
            "scenario_id": scenario.id,
            "scenario_name": scenario.row["name"],
            "trials": batch.trials,
            "seed": batch.seed,
            "confidence": confidence,
            "segment_arrivals": REMOTE_SEGMENT_ARRIVALS,
            "late_bound": False,
            "created_at_us": to_us(now) + number,  # so that they are listed and let in as they are wanted
            "created_by": row["created_by"],
            "clone_of": None,
            "total_s": batch.trials * scenario.row["horizon_ns"] / _NANOSECONDS,
            "experiment_id": row["id"],
            "batch": batch.name,
        }
        wishes.append(Wish(run, scenario))
    return wishes
