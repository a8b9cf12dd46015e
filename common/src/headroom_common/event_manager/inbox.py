"""The inbox: it remembers which events a service has handled, so that a second copy has no second effect."""

from collections import OrderedDict
from typing import Final, Protocol
from uuid import UUID

CAPACITY: Final = 100_000
"""Events that a ``MemoryInbox`` remembers by default: more than can be redelivered at once."""


class Inbox(Protocol):
    """The handled events of one service, shared by its instances where it can be.

    Both methods may raise ``TransientError``; the service then works on without the inbox, which costs
    repeated work and no correctness, because outputs keep their ids.
    """

    async def seen(self, event_id: UUID) -> bool:
        """Return whether the event was handled."""
        ...

    async def mark(self, event_id: UUID) -> None:
        """Remember that the event was handled and its outputs were confirmed."""
        ...


class MemoryInbox:
    """An inbox in memory that forgets the event used longest ago when it is full.

    Args:
        capacity: events that it remembers.

    Raises:
        ValueError: ``capacity`` is below 1.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            msg = f"capacity: expected at least 1, found {capacity}"
            raise ValueError(msg)
        self._capacity = capacity
        self._handled: OrderedDict[UUID, None] = OrderedDict()

    @property
    def size(self) -> int:
        """How many events it remembers."""
        return len(self._handled)

    async def seen(self, event_id: UUID) -> bool:
        """Return whether the event was handled, and count this as a use."""
        if event_id not in self._handled:
            return False
        self._handled.move_to_end(event_id)
        return True

    async def mark(self, event_id: UUID) -> None:
        """Remember the event."""
        self._handled[event_id] = None
        self._handled.move_to_end(event_id)
        if len(self._handled) > self._capacity:
            self._handled.popitem(last=False)
