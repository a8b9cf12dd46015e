"""Stops the work for runs that nobody wants any longer, in every instance that works for them."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunCancelled
from headroom_common.contracts.registry import contract_of
from headroom_common.event_manager.handling import Acknowledge, Handling, Outcome, Proceed
from headroom_common.event_manager.manager import EventManager

KEPT_RUNS: Final = 10_000
"""How many cancelled runs an instance remembers. One that is forgotten while events of it still come is
brought back to mind by analysis."""


class Cancellations:
    """A middleware that drops the events of cancelled runs, unread, and the handler that learns of such runs.

    Args:
        kept: how many runs to remember; those whose events came last.
    """

    def __init__(self, kept: int = KEPT_RUNS) -> None:
        self._kept = kept
        self._runs: OrderedDict[UUID, None] = OrderedDict()

    def run_cancelled(self, event: Event[RunCancelled]) -> tuple[Outgoing, ...]:
        """Remember a run as cancelled."""
        self._runs[event.body.run_id] = None
        self._runs.move_to_end(event.body.run_id)
        if len(self._runs) > self._kept:
            self._runs.popitem(last=False)
        return ()

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event unless its run is cancelled."""
        envelope = handling.envelope
        if envelope is None or not self._drops(envelope.correlationid):
            await proceed(handling)
        else:
            handling.verdict = Acknowledge(Outcome.UNWANTED)

    def _drops(self, run: UUID | None) -> bool:
        if run is None or run not in self._runs:
            return False
        self._runs.move_to_end(run)
        return True


def heed_cancellations(manager: EventManager) -> None:
    """Have an instance drop the events of cancelled runs, if the contract gives its service private copies.

    It learns of the cancellations while it runs. Analysis cancels a run again whenever something of it still
    comes in, so that an instance which missed the cancellation learns of it as long as that matters.
    """
    if manager.service not in contract_of(RunCancelled).private:
        return
    cancellations = Cancellations()
    manager.use(cancellations)
    manager.subscribe(RunCancelled, cancellations.run_cancelled, inline=True, private=True)
