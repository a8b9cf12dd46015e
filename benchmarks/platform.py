"""A whole platform on RabbitMQ beside the same run in one process, on the same cores.

Not on one core and not by processor time: what is compared is what a user waits for. Where the time goes is
told by the processor time of every process, in nanoseconds per request.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.processes import processor_time
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_servers.rabbitmq import RabbitMQ

    from headroom.platform import LocalPlatform, Member
    from headroom_common.scenario import Scenario

SCENARIO: Final = Path(__file__).resolve().parent / "checkout.yaml"
TRIALS: Final = 16
MUST: Final = 0.5
_SERVERS: Final = Path(__file__).resolve().parent.parent / "tests" / "servers"
_FIRST_PORT: Final = 18_101


class DifferentResultsError(Exception):
    """The platform and the run in one process did not give the same bytes."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One run.

    Attributes:
        seconds: from its submission to its result.
        requests: how many were simulated.
        document: the result.
        work: nanoseconds of processor time per request, by process.
    """

    seconds: float
    requests: int
    document: str
    work: Mapping[str, float]

    @property
    def speed(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def measure(rounds: int) -> list[Row]:
    """Measure the platform with one and with two processes of server-model; print and return the rows.

    Raises:
        DifferentResultsError: a result differs from that of the run in one process.
    """
    sys.path.insert(0, str(_SERVERS))
    one = asyncio.run(_rounds(rounds, {}))
    two = asyncio.run(_rounds(rounds, {"server-model": 2}))
    rows = [_row("platform", one), _row("platform_two_server_models", two)]
    ratio = rows[0].ratio or 0.0
    met = "met" if ratio >= MUST else "MISSED"
    gain = rows[1].ours / rows[0].ours
    print(f"    must {MUST:g} of the run in one process: {met}; two server-models: {gain:.2f} times one")
    for name, pairs in (("one server-model", one), ("two server-models", two)):
        print(f"    ns of processor time per request, {name}: {_work(pairs)}")
    return rows


def _row(name: str, pairs: Sequence[tuple[Timed, Timed]]) -> Row:
    ours = statistics.median(mine.speed for mine, _ in pairs)
    peer = statistics.median(other.speed for _, other in pairs)
    ratio = statistics.median(mine.speed / other.speed for mine, other in pairs)
    row = Row(name, ours, peer, ratio, "requests/s")
    print(row, flush=True)
    return row


def _work(pairs: Sequence[tuple[Timed, Timed]]) -> str:
    names = pairs[0][0].work
    shares = {name: statistics.median(mine.work[name] for mine, _ in pairs) for name in names}
    embedded = statistics.median(other.work["embedded"] for _, other in pairs)
    listed = ", ".join(f"{name} {share:.0f}" for name, share in shares.items())
    return f"{listed}; all {sum(shares.values()):.0f} against {embedded:.0f} in one process"


async def _rounds(rounds: int, replicas: Mapping[str, int]) -> list[tuple[Timed, Timed]]:
    """Platform, one process, platform, one process, …, after a run that warms both."""
    from headroom_servers.rabbitmq import RabbitMQ  # noqa: PLC0415 - found only now

    from headroom.platform import LocalPlatform, members, until_ready  # noqa: PLC0415 - with the above
    from headroom_common.scenario.loading import load_scenario  # noqa: PLC0415 - with the above

    scenario = load_scenario(SCENARIO).scenario
    plan = members(replicas, _FIRST_PORT)
    with RabbitMQ() as rabbitmq, tempfile.TemporaryDirectory() as folder:
        environment = {
            "HEADROOM_BROKER__URL": rabbitmq.url,
            "HEADROOM_DATABASE_URL": f"sqlite:///{folder}/analysis.sqlite",
            "HEADROOM_LOG_LEVEL": "error",
        }
        platform = LocalPlatform(plan, environment, print, print)
        running = asyncio.create_task(platform.run())
        try:
            await until_ready(plan)
            await _remote(scenario, 2, 99, rabbitmq, platform, plan)
            await _embedded(scenario, 2, 99)
            return [await _pair(scenario, seed, rabbitmq, platform, plan) for seed in range(1, rounds + 1)]
        finally:
            platform.end()
            await running


async def _pair(
    scenario: Scenario, seed: int, rabbitmq: RabbitMQ, platform: LocalPlatform, plan: Sequence[Member]
) -> tuple[Timed, Timed]:
    mine = await _remote(scenario, TRIALS, seed, rabbitmq, platform, plan)
    other = await _embedded(scenario, TRIALS, seed)
    if mine.document != other.document:
        message = f"seed {seed}: expected the bytes of the run in one process, found others"
        raise DifferentResultsError(message)
    return mine, other


async def _remote(
    scenario: Scenario,
    trials: int,
    seed: int,
    rabbitmq: RabbitMQ,
    platform: LocalPlatform,
    plan: Sequence[Member],
) -> Timed:
    from headroom import run_async  # noqa: PLC0415 - as above

    ids = dict(platform.process_ids)

    def work() -> dict[str, float]:
        found = {member.instance: processor_time([ids[member.instance]]) for member in plan}
        return found | {"broker": processor_time(_session(rabbitmq.pid)), "client": time.process_time()}

    before, began = work(), time.perf_counter()
    result = await run_async(scenario, trials=trials, seed=seed, broker=rabbitmq.url)
    seconds, after = time.perf_counter() - began, work()
    spent = {name: (after[name] - before[name]) * 1e9 / result.requests for name in before}
    return Timed(seconds, result.requests, result.to_json(), spent)


async def _embedded(scenario: Scenario, trials: int, seed: int) -> Timed:
    from headroom import run_async  # noqa: PLC0415 - as above

    began, before = time.perf_counter(), time.process_time()
    result = await run_async(scenario, trials=trials, seed=seed)
    seconds, spent = time.perf_counter() - began, time.process_time() - before
    return Timed(seconds, result.requests, result.to_json(), {"embedded": spent * 1e9 / result.requests})


def _session(leader: int) -> list[int]:
    """The processes of a session: the broker is started by a script that stays its parent."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            found.append(int(stat.parent.name))
    return found
