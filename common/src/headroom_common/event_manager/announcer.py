"""Announces the transitions of a service, in their order, while the service works on."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid5

from headroom_common.contracts.envelope import NAMESPACE
from headroom_common.contracts.events import ServiceStateChanged
from headroom_common.event_manager.clock import Clock
from headroom_common.event_manager.states import Transition


class Announcer:
    """Publishes ``service.state_changed`` events from a task of its own.

    Transitions that happen without a connection wait until there is one.

    Args:
        service: the service.
        instance: which instance.
        version: version of its distribution.
        clock: the time of an announcement is part of its id, because a restarted instance counts anew.
        publish: publishes one announcement under an id.
    """

    def __init__(
        self,
        *,
        service: str,
        instance: str,
        version: str,
        clock: Clock,
        publish: Callable[[ServiceStateChanged, UUID], Awaitable[object]],
    ) -> None:
        self._service = service
        self._instance = instance
        self._version = version
        self._clock = clock
        self._publish = publish
        self._queue: asyncio.Queue[tuple[ServiceStateChanged, UUID]] = asyncio.Queue()
        self._count = 0
        self._task: asyncio.Task[None] | None = None

    def note(self, transition: Transition) -> None:
        """Announce a transition as soon as possible."""
        self._count += 1
        body = ServiceStateChanged(
            service=self._service,
            instance=self._instance,
            version=self._version,
            previous=transition.previous,
            state=transition.state,
            reason=transition.reason,
        )
        identity = f"{body.subject} {self._clock.now().isoformat()} {self._count}"
        self._queue.put_nowait((body, uuid5(NAMESPACE, identity)))

    def start(self) -> None:
        """Begin to publish what was noted and what will be."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def finish(self, timeout: float) -> None:  # noqa: ASYNC109 - running out of time is no error here
        """Publish what is left, for ``timeout`` seconds at most, and end."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._queue.join()
        except TimeoutError:
            pass
        finally:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            body, event_id = await self._queue.get()
            await self._publish(body, event_id)
            self._queue.task_done()
