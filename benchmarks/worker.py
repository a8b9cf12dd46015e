"""One measurement in a process of its own: ``python -m benchmarks.worker SIDE NAME SEED`` prints JSON."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sample import Sample


def main() -> None:
    """Import the side that is asked for, and nothing of the others, and measure."""
    side, name, seed = sys.argv[1:]
    measure: Callable[[int], Sample] = getattr(importlib.import_module(f"benchmarks.{side}"), name)
    print(measure(int(seed)).to_json())


if __name__ == "__main__":
    main()
