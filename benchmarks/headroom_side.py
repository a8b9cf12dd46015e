"""The models with Headroom: whole runs through its public API, and the server kernel alone."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import models
from benchmarks.sample import Sample, Stopwatch
from benchmarks.stages import KERNEL, Stages
from headroom import run
from headroom_common.scenario import Scenario
from headroom_common.scenario.loading import load_scenario

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "examples"
TRIALS: Final = 10
_MEBIBYTE_KIB: Final = 1024


def two_servers(horizon_s: int = 600) -> Scenario:
    """The example in AsyncFlow's format, with ten times the users and ten times the capacity."""
    servers = [
        f"spec.servers[{server}].{field}={value}"
        for server in range(2)
        for field, value in (("cores", models.CORES), ("memory", f"{models.MEMORY_MIB}Mi"))
    ]
    users = f"spec.workloads[0].arrivals.users.mean={models.USERS}"
    sampled = f"spec.sample_period={max(100, horizon_s // 10)}ms"  # at most 10,000 samples
    overrides = [f"spec.horizon={horizon_s}s", sampled, users, *servers]
    return load_scenario(EXAMPLES / "asyncflow" / "two_servers_lb.yml", overrides=overrides).scenario


def mm4_queue(customers: int) -> Scenario:
    """M/M/4 with a utilisation of 0.8, for about that many customers."""
    service = {"distribution": "exponential", "mean": f"{models.MM4_SERVICE * 1000:g}ms"}
    return Scenario.from_dict(
        {
            "apiVersion": "headroom.dev/v1",
            "kind": "Scenario",
            "metadata": {"name": "mm4"},
            "spec": {
                "horizon": f"{round(customers / models.MM4_ARRIVAL_RATE)}s",
                "workloads": [
                    {
                        "name": "customers",
                        "entry": "counter",
                        "arrivals": {"kind": "poisson", "rate": f"{models.MM4_ARRIVAL_RATE:g}/s"},
                    }
                ],
                "servers": [
                    {
                        "name": "counter",
                        "cores": models.MM4_SERVERS,
                        "endpoints": [{"name": "/", "steps": [{"cpu": service}]}],
                    }
                ],
            },
        }
    )


def _whole_run(scenario: Scenario, small: Scenario, seed: int, trials: int) -> Sample:
    """Measure a run of a scenario, all of it, after a small one has loaded the compiled kernels."""
    run(small, trials=1, threads=1)
    watch = Stopwatch()
    result = watch.time(lambda: run(scenario, trials=trials, seed=seed, threads=1))
    mean, p99 = result.latency["mean"].value, result.latency["p99"].value
    if mean is None or p99 is None:
        message = f"{scenario.metadata.name}: expected latencies, found none"
        raise ValueError(message)
    document = result.document
    lost = document["outcomes"]["dropped"]["value"] * trials / document["requests"]["total"]
    return Sample(document["requests"]["total"], watch.wall, watch.cpu, mean, p99, {"lost": lost})


def two_servers_lb_10x(seed: int) -> Sample:
    """Simulate the two servers for the scenario's whole horizon, several times."""
    return _whole_run(two_servers(), two_servers(20), seed, TRIALS)


def mm4(seed: int) -> Sample:
    """Simulate customers of a queue with four servers, in one trial."""
    return _whole_run(mm4_queue(models.MM4_CUSTOMERS), mm4_queue(50_000), seed, 1)


def memory(seed: int) -> Sample:
    """Simulate a great many requests in one trial; the note tells the process's peak memory."""
    horizon_s = round(models.MEMORY_REQUESTS / (models.USERS * models.REQUESTS_PER_USER))
    sample = _whole_run(two_servers(horizon_s), two_servers(20), seed, 1)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEBIBYTE_KIB
    return Sample(sample.amount, sample.wall, sample.cpu, sample.mean, sample.p99, {"peak_mib": peak_mib})


def kernel_events(seed: int) -> Sample:
    """Measure the event loop alone, inside a run of the two servers."""
    Stages(by_loop=True).drive(two_servers(20), 1, seed)
    stages = Stages(by_loop=True)
    stages.drive(two_servers(), TRIALS, seed)
    sojourns = np.concatenate(stages.sojourns) / 1e9
    mean, p99 = float(sojourns.mean()), float(np.percentile(sojourns, 99))
    notes = {"per_request": stages.events / stages.requests}
    return Sample(stages.events, stages.walls[KERNEL], stages.seconds[KERNEL], mean, p99, notes)
