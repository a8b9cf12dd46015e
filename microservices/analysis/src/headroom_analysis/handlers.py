"""What analysis does with each event: fold it, keep it, and tell when a trial or a run is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headroom_analysis.domain.columns import TableError
from headroom_analysis.domain.fold import fold
from headroom_analysis.domain.result import result_document
from headroom_analysis.plans import RunPlan, plan_of
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    RequestsCompleted,
    RunCancelled,
    RunCompleted,
    RunDeleted,
    RunProgressed,
    RunStopped,
    TrialAnalysed,
)
from headroom_common.errors import PermanentError
from headroom_common.scenario.runs import LatestCache

if TYPE_CHECKING:
    from headroom_analysis.store import PartialStore, Standing
    from headroom_common.contracts.events import CompletedHeader
    from headroom_common.event_manager.subscriptions import Handlers

KEPT_PLANS = 16
"""How many runs' plans are kept; another one is made again when its next event comes."""

PROGRESS_SEGMENTS = 8
"""Within a trial, progress is told once in so many segments."""


class Analysis:
    """The handlers of the analysis service, around the store of partial statistics.

    Args:
        store: where partials are kept.
    """

    def __init__(self, store: PartialStore) -> None:
        self._store = store
        self._plans: LatestCache[RunPlan] = LatestCache(KEPT_PLANS)

    @property
    def handlers(self) -> Handlers:
        """What this service subscribes to."""
        return {
            RequestsCompleted: self.requests_completed,
            RunCancelled: self.run_cancelled,
            RunDeleted: self.run_deleted,
        }

    def requests_completed(self, event: Event[RequestsCompleted]) -> list[Outgoing]:
        """Fold the requests of one part of a segment.

        Returns:
            With the part that completes its trial, `trial.analysed` and `run.progressed`, and with the one
            that completes the run, `run.completed` with the result; from time to time within a trial,
            `run.progressed`. With a part of a run that nobody wants any longer, `run.cancelled` once more.

        Raises:
            PermanentError: the tables or the header break the contract, or the scenario cannot be compiled.
        """
        header = event.body.header
        run = header.run
        if header.trial >= run.trials:
            message = f"{header.subject}: trial: expected less than {run.trials}, found {header.trial}"
            raise PermanentError(message, next_step="Mend the producer of requests.completed.")
        plan = self._plans.get(run.run_id, lambda: plan_of(run))
        try:
            partial = fold(event.body.tables, plan.layout)
        except TableError as error:
            message = f"{header.subject}: {error}"
            raise PermanentError(message, next_step="Mend the producer of requests.completed.") from error
        standing = self._store.add(header, plan, partial)
        if standing is None:
            # Some stage has missed the cancellation, or it would have dropped the run's events.
            return [Outgoing(RunCancelled(run_id=run.run_id))]
        outputs = []
        if standing.completed_trial:
            outputs.append(Outgoing(TrialAnalysed(run=run, trial=header.trial)))
        if standing.completed_trial or _tells_progress(header):
            outputs.append(Outgoing(_progress(header, standing)))
        if standing.finished is not None:
            finished = standing.finished
            result = result_document(finished.summaries, finished.totals, plan.layout, plan.facts)
            outputs.append(Outgoing(RunCompleted(run_id=run.run_id, result=result)))
        return outputs

    def run_cancelled(self, event: Event[RunCancelled]) -> list[Outgoing]:
        """Have a run end that is no longer wanted.

        Returns:
            `run.stopped` with what was analysed by then; nothing when the run is finished, and nothing to our
            own reminders.
        """
        run_id = event.body.run_id
        if event.envelope.causationid is not None:  # whoever cancels a run has no event for a cause
            return []
        stopped = self._store.stop(run_id)
        if stopped is None:
            return []
        return [Outgoing(RunStopped(run_id=run_id, trials_done=stopped.trials_done, result=stopped.result))]

    def run_deleted(self, event: Event[RunDeleted]) -> list[Outgoing]:
        """Forget everything of a run."""
        self._store.discard(event.body.run_id)
        return []


def _tells_progress(header: CompletedHeader) -> bool:
    """Tell whether this part is one of those that report progress; the header alone decides."""
    last_of_segment = header.part == header.parts - 1
    return last_of_segment and header.segment % PROGRESS_SEGMENTS == PROGRESS_SEGMENTS - 1


def _progress(header: CompletedHeader, standing: Standing) -> RunProgressed:
    return RunProgressed(
        run_id=header.run.run_id,
        trials_done=standing.trials_done,
        trials=header.run.trials,
        requests=standing.requests,
        simulated_ns=standing.simulated_ns,
        trial=header.trial,
    )
