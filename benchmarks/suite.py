"""Take samples of both sides in turn, check that both did the same work, print ratios, write them down."""

from __future__ import annotations

import argparse
import os
import statistics
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import broker, models, platform, processes
from benchmarks.table import HEADER, Row, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headroom_servers.rabbitmq import RabbitMQ

    from benchmarks.sample import Sample

OUT: Final = Path(__file__).resolve().parent / "out" / "latest.json"
ASYNCFLOW_REQUESTS_PER_S: Final = 10_400.0
"""AsyncFlow 0.1.1 on the same scenario: validate, run, latencies; a record, not measured again here."""
AGREEMENT: Final = 0.05
"""How far both sides' latencies may differ, relative; mostly the noise of the peer's fewer requests."""
STARTUP_LIMIT_S: Final = 2.0
MEMORY_LIMIT_MIB: Final = 1024.0


class DisagreementError(Exception):
    """Both sides did not simulate the same, so their speeds must not be compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measurement of Headroom and the same of its peers.

    Attributes:
        name: of the figure; that of its first peer.
        function: measures ours, in `side`.
        peers: name of the figure, then module and function that measure the peer.
        unit: of the speeds.
        must: speed of ours, or ratio to the first peer, that must be reached.
        reach: the same, to reach for.
        of_ratio: whether those two are about the ratio.
        side: module that measures ours.
        needs_broker: whether both sides talk to a throw-away RabbitMQ.
        compared: what `mean` and `p99` of a sample are, its unit, and what to multiply them with.
    """

    name: str
    function: str
    peers: Mapping[str, tuple[str, str]]
    unit: str
    must: float
    reach: float
    of_ratio: bool = False
    side: str = "headroom_side"
    needs_broker: bool = False
    compared: tuple[str, str, float] = ("latency", "ms", 1e3)


ANSWERS: Final = ("answer", "bytes", 1.0)
COMPARISONS: Final = (
    Comparison(
        name="two_servers_lb_10x",
        function="two_servers_lb_10x",
        peers={"two_servers_lb_10x": ("simpy_side", "two_servers_lb_10x")},
        unit="requests/s",
        must=100,
        reach=300,
        of_ratio=True,
    ),
    Comparison(
        name="kernel_events",
        function="kernel_events",
        peers={"kernel_events": ("heapq_side", "kernel_events")},
        unit="events/s",
        must=8e6,
        reach=15e6,
    ),
    Comparison(
        name="mm4_10m",
        function="mm4",
        peers={"mm4_10m": ("simpy_side", "mm4"), "mm4_10m_heapq": ("heapq_side", "mm4")},
        unit="customers/s",
        must=4e6,
        reach=10e6,
    ),
    *(
        Comparison(
            name=name,
            function=name,
            peers={name: ("aio_pika_side", name)},
            unit="events/s",
            must=0.8,
            reach=1.0,
            of_ratio=True,
            side="event_manager_side",
            needs_broker=True,
            compared=ANSWERS,
        )
        for name in ("control_events", "data_events")
    ),
)


def compare(comparison: Comparison, rounds: int) -> list[Row]:
    """Measure ours, the peers, ours, the peers, …; print and return the medians.

    Raises:
        DisagreementError: the sides did not simulate the same.
    """
    ours: list[Sample] = []
    theirs: dict[str, list[Sample]] = {label: [] for label in comparison.peers}
    with broker.running() if comparison.needs_broker else nullcontext() as server:
        for seed in range(1, rounds + 1):
            ours.append(_taken(comparison.side, comparison.function, seed, server))
            for label, (side, function) in comparison.peers.items():
                theirs[label].append(_taken(side, function, seed, server))
    speed = statistics.median(sample.speed for sample in ours)
    rows = []
    for label, samples in theirs.items():
        ratio = statistics.median(mine.speed / other.speed for mine, other in zip(ours, samples, strict=True))
        rows.append(Row(label, speed, statistics.median(s.speed for s in samples), ratio, comparison.unit))
        print(rows[-1], flush=True)
        print(f"    ours / peer: {_agreement(label, comparison.compared, ours, samples)}")
    if comparison.name == "two_servers_lb_10x":
        peer = ASYNCFLOW_REQUESTS_PER_S
        rows.append(Row("two_servers_lb_asyncflow", speed, peer, speed / peer, comparison.unit))
        print(f"{rows[-1]}  (AsyncFlow's figure is a record, see README.md)")
    print(f"    {_targets(comparison, rows[0])}; {_clock(ours)}", flush=True)
    return rows


def _taken(side: str, function: str, seed: int, server: RabbitMQ | None) -> Sample:
    with broker.fresh_virtual_host(server) if server else nullcontext():
        return processes.measure(side, function, seed)


def _agreement(
    name: str, compared: tuple[str, str, float], ours: Sequence[Sample], peer: Sequence[Sample]
) -> str:
    """Compare what both sides did; returns latencies or what else is compared, to be printed.

    Raises:
        DisagreementError: the sides differ by more than noise explains.
    """
    words = []
    what, unit, scale = compared
    for quantity in ("mean", "p99"):
        left, right = (
            statistics.fmean(getattr(sample, quantity) for sample in side) for side in (ours, peer)
        )
        figures = f"{left * scale:.3f} / {right * scale:.3f} {unit} ({left / right - 1:+.2%})"
        words.append(f"{quantity} {what} {figures}")
        if abs(left / right - 1) > AGREEMENT:
            message = f"{name}: expected both sides' {quantity} within {AGREEMENT:.0%}, found {words[-1]}"
            raise DisagreementError(message)
    return ", ".join(words)


def _targets(comparison: Comparison, row: Row) -> str:
    found = (row.ratio or 0.0) if comparison.of_ratio else row.ours
    unit = "x" if comparison.of_ratio else f" {comparison.unit}"
    must = "met" if found >= comparison.must else "MISSED"
    reach = "met" if found >= comparison.reach else "not met"
    return f"must {comparison.must:,g}{unit}: {must}, reach for {comparison.reach:,g}{unit}: {reach}"


def _clock(samples: Sequence[Sample]) -> str:
    """How much longer the clock on the wall ran than the processor worked: 1.0 on a calm machine."""
    stretch = statistics.median(sample.wall / sample.cpu for sample in samples)
    return f"wall clock / processor time {stretch:.2f}"


def measure_startup(rounds: int) -> list[Row]:
    """Measure how long `headroom run` needs until it simulates."""
    wall, cpu = processes.startup(rounds)
    row = Row("startup", wall, None, None, "s")
    print(row)
    met = "met" if wall < STARTUP_LIMIT_S else "MISSED"
    by_cpu = "met" if cpu < STARTUP_LIMIT_S else "MISSED"
    print(
        f"    must < {STARTUP_LIMIT_S:g} s: {met} by the clock; {by_cpu} by processor time, {cpu:.2f} s",
        flush=True,
    )
    return [row]


def measure_memory() -> list[Row]:
    """Measure the memory of a process that simulates 100 M requests in one trial."""
    sample = processes.measure("headroom_side", "memory", 1)
    row = Row("memory_100m", sample.notes["peak_mib"], None, None, "MiB")
    print(row)
    met = "met" if row.ours < MEMORY_LIMIT_MIB else "MISSED"
    print(
        f"    must < {MEMORY_LIMIT_MIB:,.0f} MiB: {met}; "
        f"{sample.amount:,} requests, {sample.speed:,.0f} requests/s"
    )
    return [row]


def print_profile() -> None:
    """Print where the time of a run goes, in nanoseconds per request."""
    for name, stages in processes.profiles().items():
        print(f"{name}: ns of processor time per request")
        for stage, nanoseconds in sorted(stages.items()):
            print(f"    {stage:<32}{nanoseconds:8.1f}")


def main() -> int:
    """Measure what the command line asks for; exit status 1 when both sides differ in what they simulated."""
    names = [*(comparison.name for comparison in COMPARISONS), "startup", "platform"]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="samples of each side (default 5)")
    parser.add_argument("--only", choices=names, action="append", help="one figure; repeatable")
    parser.add_argument(
        "--memory", action="store_true", help=f"simulate {models.MEMORY_REQUESTS:,} requests instead"
    )
    parser.add_argument("--profile", action="store_true", help="show where the time goes instead")
    choice = parser.parse_args()
    if choice.profile:
        print_profile()
        return 0
    machine = f"One core of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}; medians of {choice.rounds} rounds by processor time.\n{HEADER}")
    try:
        rows = measure_memory() if choice.memory else _chosen(choice.only or names, choice.rounds)
    except (DisagreementError, platform.DifferentResultsError) as error:
        print(f"Stopped: {error}")
        return 1
    write(rows, OUT)
    print(f"Written to {OUT.relative_to(processes.ROOT)}.")
    return 0


def _chosen(names: Sequence[str], rounds: int) -> list[Row]:
    rows = []
    for comparison in COMPARISONS:
        if comparison.name in names:
            rows += compare(comparison, rounds)
    if "startup" in names:
        rows += measure_startup(rounds)
    if "platform" in names:
        rows += platform.measure(rounds)
    return rows
