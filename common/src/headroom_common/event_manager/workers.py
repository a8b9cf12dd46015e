"""A pool of threads for handlers that compute, so that the event loop stays free."""

import asyncio
import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool:
    """Threads that run handlers; the event managers of one process share one pool.

    Kernels release the interpreter's lock, so ``threads`` of them run at once.

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
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="headroom-worker")

    async def run(self, call: Callable[[], T]) -> T:
        """Run ``call`` in a thread, with the caller's context variables, and return what it returns."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._executor, context.run, call)

    def close(self) -> None:
        """Wait for the calls that run and end the threads; calls that did not start never will."""
        self._executor.shutdown(wait=True, cancel_futures=True)
