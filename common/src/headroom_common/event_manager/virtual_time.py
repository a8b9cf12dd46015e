"""Virtual time: an event loop that jumps to the next timer instead of waiting for it.

For tests and simulations. Hours of backoff pass in milliseconds, and equal programs see equal times.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, Final, ParamSpec, TypeVar, TypeVarTuple, Unpack

P = ParamSpec("P")
T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""The time of day at which virtual time starts."""

_PATIENCE: Final = 2.0  # Real seconds in which another thread may still wake a loop that has nothing to do.


class _JumpingSelector(selectors.BaseSelector):
    """Polls the files of another selector; where that one would wait, time passes instead."""

    def __init__(self, loop: "VirtualTimeLoop") -> None:
        self._loop = loop
        self._files = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._files.select(0)
        if ready or timeout == 0:
            return ready
        if self._loop.jobs:
            # A thread is computing, which takes no virtual time; it wakes the loop when it is done.
            return self._files.select(None)
        if timeout is not None:
            self._loop.advance(timeout)
            return []
        ready = self._files.select(_PATIENCE)
        if not ready:
            stuck = "virtual time stands still: every task waits, and no timer or thread is left to wake one"
            raise RuntimeError(stuck)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401 - as in the base class
        return self._files.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - as in the base class
        return self._files.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._files.get_map()

    def close(self) -> None:
        self._files.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands while anything can run and jumps to the next timer when nothing can.

    Attributes:
        jobs: calls that run in executors; time stands while there are any.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self.jobs = 0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self._seconds += seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Arguments]], T], *args: *Arguments
    ) -> "asyncio.Future[T]":
        """Run ``func`` in an executor; virtual time stands until it is done."""
        self.jobs += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._job_done)
        return future

    def _job_done(self, _: "asyncio.Future[Any]") -> None:
        self.jobs -= 1


class VirtualClock:
    """The clock of the running ``VirtualTimeLoop``; see ``Clock`` for what the methods do."""

    def now(self) -> datetime:
        """Return the virtual time of day, in UTC."""
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of virtual time."""
        await asyncio.sleep(seconds)


def in_virtual_time(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a coroutine function an ordinary one that runs on a ``VirtualTimeLoop`` of its own."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(function(*args, **kwargs))

    return run
