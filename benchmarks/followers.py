"""What following a run costs the gateway: memory of many followers, processor time of an event."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import yaml

from benchmarks.gateway_sides import Servers, Side, gateway, post
from benchmarks.processes import ROOT, processor_time
from benchmarks.table import Row
from headroom.remote import visiting
from headroom_common.contracts.events import RunProgressed

if TYPE_CHECKING:
    from headroom_common.event_manager import EventManager

FOLLOWERS: Final = 200
MOST_MIB: Final = 50.0
EVENTS: Final = 40
_EXAMPLE: Final = ROOT / "examples" / "single-server.yaml"
_TRIALS: Final = 1_000
_PERIOD: Final = 0.1


def measure(servers: Servers) -> list[Row]:
    """Measure 200 followers of one run, and the progress that they and nobody sees; print and return rows."""
    rows = asyncio.run(_measure(servers))
    for row in rows:
        print(row, flush=True)
    return rows


async def _measure(servers: Servers) -> list[Row]:
    with gateway(servers, servers.postgres.create_database("followers")) as side:
        scenario = yaml.safe_load(_EXAMPLE.read_text(encoding="utf-8"))
        body = {"scenario_id": post(side, "/scenarios", scenario)["id"], "trials": _TRIALS}
        run_id = UUID(post(side, "/runs", body)["id"])
        async with visiting(servers.rabbitmq.url) as manager:
            await asyncio.sleep(2)  # it is handed to the broker meanwhile
            alone = await _progress(manager, side, run_id, 0)
            before = _resident_mib(side.process_id)
            streams = await asyncio.gather(*(_follow(side, run_id) for _ in range(FOLLOWERS)))
            seen = [asyncio.create_task(_count(reader)) for reader, _ in streams]
            followed = await _progress(manager, side, run_id, EVENTS)
            await asyncio.sleep(2)
            grown = _resident_mib(side.process_id) - before
            for task, (_, writer) in zip(seen, streams, strict=True):
                task.cancel()
                writer.close()
            told = await asyncio.gather(*seen)
    print(f"    {FOLLOWERS} followers saw {min(told)} to {max(told)} of {EVENTS} events")
    return [
        Row("followers_memory", grown, None, None, "MiB"),
        Row(
            "progress_followed",
            followed,
            alone,
            alone / followed,
            f"us per event, {FOLLOWERS} followers and none",
        ),
    ]


async def _progress(manager: EventManager, side: Side, run_id: UUID, done: int) -> float:
    """Publish progress; returns the gateway's processor time per event, in microseconds."""
    before = processor_time([side.process_id])
    for number in range(done + 1, done + EVENTS + 1):
        news = RunProgressed(
            run_id=run_id,
            trial=number,
            trials_done=number,
            trials=_TRIALS,
            requests=number,
            simulated_ns=number,
        )
        await manager.publish(news, event_id=uuid4())
        await asyncio.sleep(_PERIOD)
    return (processor_time([side.process_id]) - before) / EVENTS * 1e6


async def _follow(side: Side, run_id: UUID) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(side.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    path = f"{place.path}/runs/{run_id}/events"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
    await reader.readuntil(b"event: progress")
    return reader, writer


async def _count(reader: asyncio.StreamReader) -> int:
    """Count the events of progress until cancelled."""
    found = 0
    try:
        while line := await reader.readline():
            found += line.startswith(b"event: progress")
    except asyncio.CancelledError:
        pass
    return found


def _resident_mib(process_id: int) -> float:
    lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
