"""Where a relay publishes to in tests that look at nothing but what it publishes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from headroom_common.contracts.events import ControlBody, RunCancelled, RunDeleted, RunRequested
from headroom_gateway.feeds import Feeds
from headroom_gateway.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from gateway_testing.storage import Storage
_NAMES: Final[dict[type[ControlBody], str]] = {
    RunRequested: "requested",
    RunCancelled: "cancelled",
    RunDeleted: "deleted",
}


class Post:
    """The part of an event manager that a relay uses.

    Attributes:
        sent: what was published.
        open: publishing waits while this is not set, as for a broker that is away.
        refuses: raises what publishing a body raises.
    """

    def __init__(self) -> None:
        self.sent: list[ControlBody] = []
        self.open = asyncio.Event()
        self.open.set()
        self.refuses: Callable[[ControlBody], None] = lambda _: None

    async def publish(self, body: ControlBody) -> None:
        await self.open.wait()
        self.refuses(body)
        self.sent.append(body)

    @property
    def told(self) -> list[tuple[str, UUID | None]]:
        """What was published in short: kinds, and of which runs."""
        return [(_NAMES[type(body)], body.correlation) for body in self.sent]


def relay_of(storage: Storage, feeds: Feeds | None = None, *, most_running: int = 10) -> Relay:
    """Return the relay of an instance that has a storage."""
    followed = feeds or Feeds(storage.runs, most_followers=10)
    return Relay(storage.database, storage.runs, followed, storage.clock, most_running=most_running, window=4)
