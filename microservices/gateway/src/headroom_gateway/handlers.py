"""What the gateway does with the news of runs: it notes them, and tells those who follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headroom_common.contracts.events import RunCompleted, RunFailed, RunProgressed, RunStopped
from headroom_gateway.domain.lives import Completed, Failed, News, Progressed, Stopped
from headroom_gateway.errors import NotFoundError
from headroom_gateway.storage.results import Identity, NewResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from headroom_common.contracts.event import Event, Outgoing
    from headroom_common.event_manager.subscriptions import Handlers
    from headroom_gateway.parts import Parts

_NANOSECONDS = 1e9


class Noting:
    """The handlers of the gateway. Runs that it does not know were asked for by others, and are theirs.

    Args:
        parts: what it works with.
    """

    def __init__(self, parts: Parts) -> None:
        self._database = parts.database
        self._runs = parts.runs
        self._results = parts.results
        self._feeds = parts.feeds
        self._relay = parts.relay
        self._experimenter = parts.experimenter
        self._clock = parts.clock

    @property
    def handlers(self) -> Handlers:
        """What this service subscribes to."""
        return {
            RunProgressed: self.run_progressed,
            RunCompleted: self.run_completed,
            RunStopped: self.run_stopped,
            RunFailed: self.run_failed,
        }

    async def run_progressed(self, event: Event[RunProgressed]) -> Sequence[Outgoing]:
        """Note how far a run has come.

        Raises:
            TransientError: the database failed.
        """
        body = event.body
        subject = f"trial {body.trial}, {body.trials_done} of {body.trials} trials done"
        news = Progressed(body.trials_done, body.requests, body.simulated_ns / _NANOSECONDS, subject)
        return await self._note(body.run_id, news)

    async def run_completed(self, event: Event[RunCompleted]) -> Sequence[Outgoing]:
        """Keep the result of a run.

        Raises:
            TransientError: the database failed.
        """
        run_id = event.body.run_id
        result = await self._new_result(run_id, event.body.result)
        return [] if result is None else await self._note(run_id, Completed(result.hash), result)

    async def run_stopped(self, event: Event[RunStopped]) -> Sequence[Outgoing]:
        """Note that a cancelled run has stopped, and keep what there is of its result.

        Raises:
            TransientError: the database failed.
        """
        body = event.body
        result = None if body.result is None else await self._new_result(body.run_id, body.result)
        name = None if result is None else result.hash
        return await self._note(body.run_id, Stopped(body.trials_done, name), result)

    async def run_failed(self, event: Event[RunFailed]) -> Sequence[Outgoing]:
        """Note why a run failed; the other services are told to let it go.

        Raises:
            TransientError: the database failed.
        """
        body = event.body
        return await self._note(body.run_id, Failed(body.reason, body.field))

    async def _new_result(self, run_id: UUID, document: Mapping[str, Any]) -> NewResult | None:
        """Return what is stored of a result; None when the run is unknown."""
        try:
            run = await self._runs.get(run_id)
        except NotFoundError:
            return None
        identity = Identity(run.scenario_id, run.seed, run.trials, run.confidence)
        return await NewResult.of(document, identity)

    async def _note(self, run_id: UUID, news: News, result: NewResult | None = None) -> Sequence[Outgoing]:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            if result is not None:
                await self._results.put(connection, result, now)
            run = await self._runs.change(connection, run_id, news, now)
        if run is not None:
            self._runs.metrics.changed(run, now)
            self._feeds.notify(run_id)
            if not run.state.active:
                self._relay.wake()
                if run.experiment_id is not None:
                    self._experimenter.wake()
        return ()
