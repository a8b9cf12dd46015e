"""Measurements in processes of their own, all on one and the same core."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_time(process_ids: Iterable[int]) -> float:
    """Seconds that processes have computed so far; one that has ended counts nothing."""
    ticks = 0
    for process_id in process_ids:
        stat = Path(f"/proc/{process_id}/stat")
        if stat.exists():
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def one_core() -> int:
    """Choose the core on which everything is measured: the last one, as the first often serves interrupts."""
    return max(os.sched_getaffinity(0))


def _python(module: str, *arguments: str) -> str:
    """Run one of our modules on the chosen core; returns the last line that it printed."""
    core = one_core()
    # An installed program has its bytecode, also where the environment says to write none.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    return finished.stdout.strip().splitlines()[-1]


def measure(side: str, name: str, seed: int) -> Sample:
    """Take one sample of one side."""
    return Sample.from_json(_python("worker", side, name, str(seed)))


def profiles() -> dict[str, dict[str, float]]:
    """Return nanoseconds per request by stage, for each model."""
    found: dict[str, dict[str, float]] = json.loads(_python("breakdown"))
    return found


def startup(rounds: int) -> tuple[float, float]:
    """Return seconds from the start of `headroom run` to its first simulated segment, and of processor time.

    The medians of `rounds` starts; the first start of all, which may compile, is left out.
    """
    walls, cpus = [], []
    for _ in range(rounds + 1):
        begin = time.time()
        now, cpu = map(float, _python("startup", "examples/single-server.yaml").split())
        walls.append(now - begin)
        cpus.append(cpu)
    return statistics.median(walls[1:]), statistics.median(cpus[1:])
