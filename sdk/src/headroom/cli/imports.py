"""Importing much at once."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def many_imports() -> Iterator[None]:
    """Import without the collector, and have it pass over what was imported from then on.

    Modules make hundreds of thousands of objects and no garbage, and the collector walks all of them again
    and again as they grow in number: a tenth of the start of a run.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
