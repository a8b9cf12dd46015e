"""An experiment in one process: its procedure asks for batches of trials, the services' handlers simulate."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from headroom.embedded import manager_of, pipeline
from headroom.experiment_progress import ExperimentProgress, OnExperimentProgress
from headroom.following import RunFailedError
from headroom.runs import run_parameters
from headroom.services import SERVICES
from headroom_analysis.experiments import Batch, Step, advance
from headroom_analysis.handlers import Analysis
from headroom_analysis.store import KeptTrials, MemoryStore
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunCompleted, RunFailed, RunProgressed, RunRequested
from headroom_common.event_manager import EventManager
from headroom_common.event_manager.subscriptions import subscribing
from headroom_common.experiments.model import Experiment
from headroom_common.scenario import Scenario

_WINDOW = 2


async def drive(
    experiment: Experiment, *, threads: int, on_progress: OnExperimentProgress | None = None
) -> dict[str, Any]:
    """Run an experiment in this process and return its document.

    Args:
        experiment: what is asked for.
        threads: worker threads that all runs share.
        on_progress: is told how far the experiment has come.

    Raises:
        ScenarioError: a point is not valid.
        PermanentError: the experiment cannot be answered.
        RunFailedError: a run could not be completed.
    """
    store = MemoryStore()
    client = _Client(store, experiment.confidence, on_progress)
    services = {**SERVICES, "analysis": lambda: subscribing(Analysis(store).handlers)}
    known: dict[str, KeptTrials] = {}
    async with (
        pipeline(threads, services) as (broker, workers),
        manager_of("sdk", broker, workers, client.subscribe) as manager,
    ):
        while (step := await asyncio.to_thread(advance, experiment, known)).document is None:
            client.begin(step)
            known |= await client.simulate(manager, step.wanted, threads)
        client.end(step)
        return step.document


class _Client:
    """Asks for the runs of an experiment and follows them.

    Args:
        store: where their trials are.
        confidence: level of the intervals.
        on_progress: is told how far the experiment has come.
    """

    def __init__(
        self, store: MemoryStore, confidence: float, on_progress: OnExperimentProgress | None
    ) -> None:
        self._store = store
        self._confidence = confidence
        self._on_progress = on_progress
        self._outcomes: dict[UUID, asyncio.Future[None]] = {}
        self._requests: dict[UUID, int] = {}
        self._trials: dict[UUID, int] = {}
        self._round = 0
        self._step: Step | None = None

    def subscribe(self, manager: EventManager) -> None:
        """Take the events that tell how the runs go."""
        manager.subscribe(RunProgressed, self._progressed, inline=True, private=True)
        manager.subscribe(RunCompleted, self._completed, inline=True, private=True)
        manager.subscribe(RunFailed, self._failed, inline=True, private=True)

    def begin(self, step: Step) -> None:
        """Note what is simulated next."""
        self._round += 1
        self._step = step
        self._trials.clear()
        self._tell()

    def end(self, step: Step) -> None:
        """Note that the experiment is done."""
        self._step = step
        self._trials.clear()
        self._tell()

    async def simulate(
        self, manager: EventManager, batches: Sequence[Batch], threads: int
    ) -> dict[str, KeptTrials]:
        """Have batches simulated, a few at a time.

        Raises:
            RunFailedError: one of them could not be completed; the first failure counts.
        """
        room = asyncio.Semaphore(threads)
        window = _WINDOW if len(batches) > 1 else max(_WINDOW, threads)
        found: dict[str, KeptTrials] = {}

        async def one(batch: Batch) -> None:
            async with room:
                found[batch.name] = await self._run(manager, batch, window)

        try:
            async with asyncio.TaskGroup() as group:
                for batch in batches:
                    group.create_task(one(batch))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return found

    async def _run(self, manager: EventManager, batch: Batch, window: int) -> KeptTrials:
        run = run_parameters(
            Scenario.from_dict(batch.scenario),
            trials=batch.trials,
            seed=batch.seed,
            window=window,
            confidence=self._confidence,
            run_id=uuid4(),
        )
        outcome = self._outcomes[run.run_id] = asyncio.get_running_loop().create_future()
        try:
            await manager.publish(RunRequested(run=run))
            await outcome
        finally:
            del self._outcomes[run.run_id]
        kept = self._store.trials(run.run_id)
        if kept is None:
            message = f"batch {batch.name}: expected its trials, found none"
            raise RunFailedError(message)
        self._store.discard(run.run_id)
        return kept

    def _progressed(self, event: Event[RunProgressed]) -> tuple[Outgoing, ...]:
        body = event.body
        self._requests[body.run_id] = max(body.requests, self._requests.get(body.run_id, 0))
        self._trials[body.run_id] = max(body.trials_done, self._trials.get(body.run_id, 0))
        try:
            self._tell()
        except Exception as error:  # noqa: BLE001 - the caller's own failure goes back to the caller
            self._fail(body.run_id, error)
        return ()

    def _completed(self, event: Event[RunCompleted]) -> tuple[Outgoing, ...]:
        outcome = self._outcomes.get(event.body.run_id)
        if outcome is not None and not outcome.done():
            outcome.set_result(None)
        return ()

    def _failed(self, event: Event[RunFailed]) -> tuple[Outgoing, ...]:
        self._fail(event.body.run_id, RunFailedError(event.body.reason, event.body.field))
        return ()

    def _fail(self, run_id: UUID, error: Exception) -> None:
        outcome = self._outcomes.get(run_id)
        if outcome is not None and not outcome.done():
            outcome.set_exception(error)

    def _tell(self) -> None:
        if self._on_progress is None or self._step is None:
            return
        step = self._step
        self._on_progress(
            ExperimentProgress(
                round=self._round,
                points=step.progress.points,
                trials_done=step.progress.trials + sum(self._trials.values()),
                trials=step.progress.trials + sum(batch.trials for batch in step.wanted),
                requests=sum(self._requests.values()),
            )
        )
