"""A pool of threads for handlers that compute, so that the event loop stays free."""

import asyncio
import atexit
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Call:
    """A call and who waits for its answer.

    Attributes:
        function: what is called.
        context: the caller's context variables.
        loop: the caller's event loop.
        answer: what the caller awaits.
    """

    function: Callable[[], Any]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]

    def make(self) -> None:
        """Call, unless nobody waits any more, and hand over what came of it."""
        if self.answer.cancelled():
            return
        try:
            result = self.context.run(self.function)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            self.settle(None, error)
        else:
            self.settle(result, None)

    def settle(self, result: object, error: BaseException | None) -> None:
        """Give the caller its answer, in its own thread."""
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            self.loop.call_soon_threadsafe(_settle, self.answer, result, error)


def _settle(answer: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)


def _work(calls: SimpleQueue[_Call | None]) -> None:
    while (call := calls.get()) is not None:
        call.make()
        # What it worked on may be large and is not kept until the next call.
        del call


class _Submitting(Executor):
    """Takes calls from event loops, which may count what runs outside of them (``virtual_time`` does)."""

    def __init__(self, calls: SimpleQueue[_Call | None]) -> None:
        self._calls = calls

    def submit(  # type: ignore[override] # a loop wraps other futures only, and takes one of its own as it is
        self, function: Callable[[], T], /
    ) -> asyncio.Future[T]:
        """Let a thread make the call."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._calls.put(_Call(function, contextvars.copy_context(), loop, answer))
        return answer


class WorkerPool:
    """Threads that run handlers; the event managers of one process share one pool.

    Kernels release the interpreter's lock, so ``threads`` of them run at once. An executor of the standard
    library would do the same: two futures with locks for every call made it a fifth of what an event costs.

    Args:
        threads: how many.

    Attributes:
        threads: as given.

    Raises:
        ValueError: ``threads`` is below 1.
    """

    def __init__(self, threads: int) -> None:
        if threads < 1:
            msg = f"threads: expected at least 1, found {threads}"
            raise ValueError(msg)
        self.threads = threads
        self._closed = False
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._submitting = _Submitting(self._calls)
        self._workers = [
            Thread(target=_work, args=(self._calls,), name=f"headroom-worker_{number}", daemon=True)
            for number in range(threads)
        ]
        for worker in self._workers:
            worker.start()
        # A program that ends without closing the pool waits for the calls that run: they hold its memory.
        atexit.register(self.close)

    async def run(self, call: Callable[[], T]) -> T:
        """Run ``call`` in a thread, with the caller's context variables, and return what it returns.

        Raises:
            RuntimeError: the pool is closed.
        """
        if self._closed:
            msg = "expected an open pool of workers, found a closed one"
            raise RuntimeError(msg)
        return await asyncio.get_running_loop().run_in_executor(self._submitting, call)

    def close(self) -> None:
        """Wait for the calls that run and end the threads; calls that did not start never will."""
        self._closed = True
        with suppress(Empty):
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    call.settle(None, asyncio.CancelledError())
        for _ in self._workers:
            self._calls.put(None)
        for worker in self._workers:
            worker.join()
        atexit.unregister(self.close)
