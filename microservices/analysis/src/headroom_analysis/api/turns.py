"""Work for requests that waits its turn in threads of its own, a bounded number of requests at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from headroom_common.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class Turns:
    """Threads for work that must not keep the event loop, and as many requests as may wait for them.

    Args:
        work: what is done, for messages.
        threads: how much of it at once; one for what is not safe in several threads.
        waiting: how many requests may wait besides.
    """

    def __init__(self, work: str, *, threads: int = 1, waiting: int = 8) -> None:
        self._work = work
        self._places = threads + waiting
        self._taken = 0
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"headroom-{work}")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places for as long as a request is answered.

        Raises:
            TransientError: all places are taken.
        """
        if self._taken >= self._places:
            message = f"{self._work}: expected at most {self._places} requests at once, found one more"
            raise TransientError(message, next_step="Try again in a moment.")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def run(self, call: Callable[[], T]) -> T:
        """Return what a call returns, made in a thread when its turn comes.

        Work that has begun goes on when its caller is cancelled, and the next waits for it.
        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def close(self) -> None:
        """Begin nothing any more; what has begun is left behind."""
        self._executor.shutdown(wait=False, cancel_futures=True)
