"""Drops second copies of handled events."""

import asyncio
from uuid import UUID

from headroom_common.contracts.envelope import child_id
from headroom_common.errors import TransientError
from headroom_common.event_manager.handling import Acknowledge, Handling, Outcome, Proceed
from headroom_common.event_manager.inbox import Inbox
from headroom_common.event_manager.states import StateMachine, Trouble
from headroom_common.logs import Log

_log = Log(__name__)


class Dedupe:
    """Handles an event only if the inbox does not know it, and marks it once its outputs are confirmed.

    Two copies in hand at once take turns, so that the second one sees what became of the first. An inbox that
    fails costs repeated work only: the outputs of a repeated handling have the same ids.

    Args:
        inbox: remembers handled events.
        states: is told while the inbox fails.
        instance: whose copies of events a private subscription gets; instances may share the inbox, and one
            that has handled its own copy has not handled another's.
    """

    def __init__(self, inbox: Inbox, states: StateMachine, instance: str) -> None:
        self._inbox = inbox
        self._instance = instance
        self._states = states
        self._in_hand: dict[UUID, asyncio.Future[None]] = {}

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event if it is new."""
        event_id = handling.decoded.envelope.id
        if handling.subscribed.private:
            event_id = child_id(event_id, self._instance)
        while (other := self._in_hand.get(event_id)) is not None:
            # Shielded, because a future that was cancelled here could not be completed there.
            await asyncio.shield(other)
        turn = self._in_hand[event_id] = asyncio.get_running_loop().create_future()
        try:
            if await self._seen(event_id):
                handling.verdict = Acknowledge(Outcome.DUPLICATE)
                return
            await proceed(handling)
            await self._mark(event_id)
        finally:
            del self._in_hand[event_id]
            turn.set_result(None)

    async def _seen(self, event_id: UUID) -> bool:
        try:
            seen = await self._inbox.seen(event_id)
        except TransientError as error:
            self._failed(error)
            return False
        self._states.recovered(Trouble.INBOX, "the inbox answers again")
        return seen

    async def _mark(self, event_id: UUID) -> None:
        try:
            await self._inbox.mark(event_id)
        except TransientError as error:
            self._failed(error)

    def _failed(self, error: TransientError) -> None:
        _log.warning("inbox failed; the event may be handled again", reason=str(error))
        self._states.trouble(Trouble.INBOX, f"the inbox fails: {error}")
