"""Noticing that numba compiles, so that the wait before a first run is explained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from numba.core import event


class _Listener(event.Listener):
    """Calls back when the first compilation starts and when the last one ends."""

    def __init__(self, changed: Callable[[bool], None]) -> None:
        self._changed = changed
        self._running = 0

    def on_start(self, event: object) -> None:  # noqa: ARG002 - numba's signature
        self._count(1)

    def on_end(self, event: object) -> None:  # noqa: ARG002 - numba's signature
        self._count(-1)

    def _count(self, step: int) -> None:
        """Take a start or an end; a kernel compiles the kernels that it calls within its own compilation."""
        before, self._running = self._running, self._running + step
        if (before == 0) != (self._running == 0):
            self._changed(before == 0)


@contextmanager
def watching_compilation(changed: Callable[[bool], None]) -> Iterator[None]:
    """Call `changed(True)` when numba begins to compile kernels and `changed(False)` when it has done.

    Kernels that are read from numba's cache are not compiled and cause no call.
    """
    listener = _Listener(changed)
    event.register("numba:compile", listener)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        event.unregister("numba:compile", listener)  # type: ignore[no-untyped-call]
