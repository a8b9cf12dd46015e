"""Memory: every process of a platform that works without a pause stays as large as it was."""

import asyncio
import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from headroom_platforms.backends import Backend
from headroom_platforms.platforms import Running, running_platform

from headroom import load_scenario, run_async

SECONDS = float(os.environ.get("HEADROOM_MEMORY_SECONDS", "0"))
WARM_UP = 90.0
GROWTH = 1.05
SCENARIO = Path(__file__).parents[2] / "examples" / "database-pool-saturation.yaml"
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(SECONDS == 0, reason="`make soak` watches the memory for ten minutes")
async def test_memory_stays_flat(backend: Backend) -> None:
    scenario = load_scenario(SCENARIO).scenario
    async with running_platform(backend, {}) as platform:
        watching = asyncio.create_task(watch(platform))
        seed = 0
        while not watching.done():
            # Events of several sizes: memory that is only ever large enough would look flat.
            size = (20_000, 61_440, 40_000)[seed % 3]
            await run_async(scenario, trials=8, seed=seed, broker=backend.broker_url, segment_arrivals=size)
            seed += 1
        samples = watching.result()
        lines = [f"{seed} runs", *(f"{name}: {told(found)}" for name, found in samples.items())]
        print("\n".join(lines))  # noqa: T201 - the figures are what a soak is for
        for name, found in samples.items():
            assert late(found) <= GROWTH * early(found), f"{name} grew: {told(found)}"


async def watch(platform: Running) -> Mapping[str, list[float]]:
    """Resident memory of every process in MiB, once per second after a warm-up."""
    await asyncio.sleep(min(WARM_UP, SECONDS / 4))
    samples: dict[str, list[float]] = {name: [] for name in platform.process_ids}
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for name, process_id in platform.process_ids.items():
            samples[name].append(resident(process_id))
        await asyncio.sleep(1)
    return samples


def resident(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/statm").read_text(encoding="utf-8").split()
    return int(fields[1]) * _PAGE_MIB


def early(found: list[float]) -> float:
    return statistics.median(found[: len(found) // 4])


def late(found: list[float]) -> float:
    return statistics.median(found[-(len(found) // 4) :])


def told(found: list[float]) -> str:
    first, last, most = early(found), late(found), max(found)
    return f"{first:.0f} MiB in the first quarter, {last:.0f} in the last, at most {most:.0f}"
