"""A sweep beside its own points, run one by one: how much of two cores it uses.

``python -m benchmarks.sweep [--points N] [--trials N] [--platform]``. By default 100 points of 10 trials of
100,000 requests. In one process the points are run again one after the other on one thread, and the *parallel
efficiency* is their time together / (cores · time of the sweep). On a platform (RabbitMQ, SQLite, one process
per service) a single run uses all cores itself, so its figure is the time of the points one after the other /
time of the sweep.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headroom_common.scenario import Scenario

MUST: Final = 0.85
_REQUESTS: Final = 100_000
_RATES: Final = (400.0, 700.0)
_SERVERS: Final = ROOT / "tests" / "servers"
_FIRST_PORT: Final = 18_201


def scenarios(points: int) -> list[Scenario]:
    """Return the points: the balancing example at rates from 400/s to 700/s, each with 100,000 requests."""
    from headroom_common.scenario.loading import load_scenario  # noqa: PLC0415 - the kernels take long to import

    low, high = _RATES
    rates = [low + (high - low) * point / (points - 1) for point in range(points)]
    example = ROOT / "examples" / "balanced-fleet.yaml"
    return [
        load_scenario(
            example, overrides=[f"spec.workloads[0].rate={rate:.6g}/s", "spec.horizon=182s"]
        ).scenario
        for rate in rates
    ]


def sweep_of(points: Sequence[Scenario], trials: int, **where: Any) -> float:  # noqa: ANN401 - of `run_experiment`
    """Run all points as one sweep; return the seconds that it took."""
    from headroom import run_experiment  # noqa: PLC0415 - as above
    from headroom_common.experiments.asking import experiment_of  # noqa: PLC0415 - as above

    rates = ",".join(point.canonical()["spec"]["workloads"][0]["arrivals"]["rate"] for point in points)
    plan = {"kind": "sweep", "vary": [f"spec.workloads[0].rate={rates}"]}
    experiment = experiment_of(points[0], plan, trials=trials)
    began = time.perf_counter()
    run_experiment(experiment, **where)
    return time.perf_counter() - began


def singles_of(points: Sequence[Scenario], run_one: Callable[[Scenario], None]) -> float:
    """Run the points one after the other; return the seconds that all of them took."""
    began = time.perf_counter()
    for number, point in enumerate(points, 1):
        run_one(point)
        print(f"\r    single runs: {number} of {len(points)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return time.perf_counter() - began


def measure_here(points: Sequence[Scenario], trials: int) -> float:
    """Measure in this process; print the figures and return the parallel efficiency."""
    from headroom import run  # noqa: PLC0415 - the kernels take long to import

    cores = os.cpu_count() or 1
    run(points[0], trials=cores)
    swept = sweep_of(points, trials)
    single = singles_of(points, lambda point: run(point, trials=trials, threads=1) and None)
    efficiency = single / (cores * swept)
    print(f"one process: sweep {swept:.1f} s, single runs on one thread {single:.1f} s")
    print(f"    parallel efficiency on {cores} cores {efficiency:.1%}; must {MUST:.0%}: {_met(efficiency)}")
    return efficiency


async def measure_platform(points: Sequence[Scenario], trials: int) -> float:
    """Measure on a platform of this machine; print the figures and return their ratio."""
    sys.path.insert(0, str(_SERVERS))
    from headroom_servers.rabbitmq import RabbitMQ  # noqa: PLC0415 - found only now

    from headroom import run  # noqa: PLC0415 - as above
    from headroom.platform import LocalPlatform, members, until_ready  # noqa: PLC0415 - as above

    plan = members({}, _FIRST_PORT + 1, gateway_port=_FIRST_PORT)
    gateway = f"http://127.0.0.1:{_FIRST_PORT}"
    with RabbitMQ() as rabbitmq, tempfile.TemporaryDirectory() as folder:
        settings = {
            "gateway": {
                "database_url": f"sqlite:///{folder}/gateway.sqlite",
                "analysis_url": next(one.url for one in plan if one.service == "analysis"),
            },
            "analysis": {"database_url": f"sqlite:///{folder}/analysis.sqlite"},
        }
        environment = {"HEADROOM_BROKER__URL": rabbitmq.url, "HEADROOM_LOG_LEVEL": "error"}
        platform = LocalPlatform(plan, environment, print, lambda _, line: print(line), settings=settings)
        running = asyncio.create_task(platform.run())
        try:
            ready = asyncio.create_task(until_ready(plan))
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.result()
            # Another seed, or the gateway would answer with the results of the sweep's own runs.
            alone = {"trials": trials, "seed": 2, "gateway": gateway}
            await asyncio.to_thread(run, points[0], trials=2, seed=2, gateway=gateway)
            swept = await asyncio.to_thread(sweep_of, points, trials, gateway=gateway)
            single = await asyncio.to_thread(singles_of, points, lambda point: run(point, **alone) and None)
        finally:
            platform.end()
            await running
    ratio = single / swept
    print(f"platform: sweep {swept:.1f} s, single runs through the gateway {single:.1f} s: {ratio:.1%}")
    print(f"    must {MUST:.0%}: {_met(ratio)}")
    return ratio


def _met(figure: float) -> str:
    return "met" if figure >= MUST else "MISSED"


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sweep", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--platform", action="store_true", help="on a platform instead of in one process")
    choice = parser.parse_args()
    points = scenarios(choice.points)
    requests = choice.points * choice.trials * _REQUESTS
    print(
        f"{choice.points} points of {choice.trials} trials, about {requests:,} requests;"
        f" load {os.getloadavg()[0]:.1f}"
    )
    if choice.platform:
        asyncio.run(measure_platform(points, choice.trials))
    else:
        measure_here(points, choice.trials)
    return 0


if __name__ == "__main__":
    sys.exit(main())
