"""Memory that is freed stays with the process, for it is wanted again at once.

Every segment allocates and frees a few dozen columns of some hundred KiB. By default glibc gives such blocks
back to the kernel, which then clears and maps fresh pages for the next segment: on virtual machines that
costs more than half as much as the simulation itself (measured in benchmarks/README.md).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Final

# The numbers of glibc's <malloc.h>.
_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8

KEPT_BYTES: Final = 256 << 20
"""Freed memory beyond this goes back to the kernel."""
_LARGEST_HEAP_BLOCK: Final = 32 << 20  # the most that glibc accepts
_GROWTH: Final = 16 << 20


@cache
def keep_freed_memory() -> bool:
    """Tell the C library to keep up to `KEPT_BYTES` of freed memory; once per process.

    Returns:
        False where the C library has no such setting (it is not glibc): everything works, only slower.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = (
        (_MMAP_THRESHOLD, _LARGEST_HEAP_BLOCK),
        (_TRIM_THRESHOLD, KEPT_BYTES),
        (_TOP_PAD, _GROWTH),
        (_ARENA_MAX, 1),
    )
    return all(mallopt(name, value) == 1 for name, value in settings)
