"""Run the command line in this process and stop once it has simulated its first segment.

``python -m benchmarks.startup FILE`` prints two figures: the clock when that was, and the seconds of
processor time since the process began.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from headroom.cli.imports import many_imports
from headroom.cli.main import main

with many_imports():  # as the command does
    from headroom_server_model import handlers


def _report_after_first(original: Any) -> Any:  # noqa: ANN401 - a function of any kind
    def first(*arguments: Any) -> None:  # noqa: ANN401 - as the original
        original(*arguments)
        os.write(1, f"{time.time()} {time.process_time()}\n".encode())
        os._exit(0)

    return first


if __name__ == "__main__":
    name = "simulate_segment"  # what the handler calls
    setattr(handlers, name, _report_after_first(getattr(handlers, name)))
    sys.argv = ["headroom", "run", sys.argv[1], "--quiet", "--no-progress"]
    main()
