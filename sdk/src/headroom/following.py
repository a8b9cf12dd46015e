"""Following a run: its progress and its outcome, from the events that tell them."""

import asyncio
from typing import Any

from headroom.progress import OnProgress, Progress
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunCompleted, RunFailed, RunParameters, RunProgressed
from headroom_common.errors import PermanentError
from headroom_common.event_manager import EventManager

_NANOSECONDS = 1e9


class RunFailedError(PermanentError):
    """A run could not be completed.

    Attributes:
        field: path of the scenario's field at fault; None when it is none.
    """

    def __init__(self, reason: str, field: str | None = None) -> None:
        where = f"{field}: " if field else ""
        next_step = (
            f"Change {field} in the scenario."
            if field
            else "If the scenario is valid, this is a fault of Headroom: please report it with the scenario."
        )
        super().__init__(f"{where}{reason}", next_step=next_step)
        self.field = field


class Follower:
    """Follows one run from outside the services, as the gateway does.

    Args:
        run: the run.
        horizon: virtual time per trial, in nanoseconds.
        on_progress: is told how far the run has come.

    Attributes:
        outcome: the result document, or `RunFailedError`.
    """

    def __init__(self, run: RunParameters, horizon: int, on_progress: OnProgress | None) -> None:
        self.outcome: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._run_id = run.run_id
        self._total = run.trials * horizon / _NANOSECONDS
        self._on_progress = on_progress

    def subscribe(self, manager: EventManager) -> None:
        """Take the events that tell how the run goes."""
        mine: dict[str, Any] = {"inline": True, "private": True, "run_id": self._run_id}
        manager.subscribe(RunProgressed, self._progressed, **mine)
        manager.subscribe(RunCompleted, self._completed, **mine)
        manager.subscribe(RunFailed, self._failed, **mine)

    def _progressed(self, event: Event[RunProgressed]) -> tuple[Outgoing, ...]:
        body = event.body
        if self._on_progress is not None and not self.outcome.done():
            simulated = body.simulated_ns / _NANOSECONDS
            progress = Progress(body.trials_done, body.trials, body.requests, simulated, self._total)
            try:
                self._on_progress(progress)
            except Exception as error:  # noqa: BLE001 - the caller's own failure goes back to the caller
                self.outcome.set_exception(error)
        return ()

    def _completed(self, event: Event[RunCompleted]) -> tuple[Outgoing, ...]:
        if not self.outcome.done():
            self.outcome.set_result(event.body.result)
        return ()

    def _failed(self, event: Event[RunFailed]) -> tuple[Outgoing, ...]:
        if not self.outcome.done():
            self.outcome.set_exception(RunFailedError(event.body.reason, event.body.field))
        return ()
