"""Experiments as functions: how many trials, which point, how much load, which variant, what matters."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from headroom.experiment_progress import OnExperimentProgress
from headroom.experiment_result import ExperimentResult
from headroom.quiet import quiet_unless_configured
from headroom.runs import require
from headroom.scenarios import as_scenario
from headroom_common.allocator import keep_freed_memory
from headroom_common.event_manager.workers import available_cores
from headroom_common.experiments.asking import experiment_of
from headroom_common.experiments.model import Experiment
from headroom_common.scenario import Scenario

AnyScenario = Scenario | Mapping[str, Any] | str | Path
"""A checked scenario, a mapping as its YAML would give, or the path of a YAML file."""


def replicate(scenario: AnyScenario, *, precision: float | None = 0.05, **options: Any) -> ExperimentResult:  # noqa: ANN401 - see `sweep`
    """Simulate a scenario until the intervals of what is judged are narrow enough.

    Args:
        scenario: what to simulate.
        precision: relative half width to reach, of the metrics of all objectives, or without any of mean and
            p99 of the latency.
        options: as of `sweep`.

    Raises:
        HeadroomError: as `run_experiment`.
    """
    return _run(scenario, {"kind": "replicate"}, precision=precision, **options)


def sweep(
    scenario: AnyScenario,
    vary: Iterable[str],
    *,
    samples: int | None = None,
    **options: Any,  # noqa: ANN401 - see below
) -> ExperimentResult:
    """Simulate a scenario at many points, all on the same random numbers.

    Args:
        scenario: what to simulate.
        vary: places and their values, such as `spec.servers[0].replicas=2..10`.
        samples: instead of all combinations, so many points of a Latin hypercube.
        options: fields of `Experiment` (trials, seed, confidence, precision, most_trials, warm_up), and of
            `run_experiment` (threads, gateway, insecure, on_progress).

    Raises:
        HeadroomError: as `run_experiment`.
    """
    return _run(scenario, {"kind": "sweep", "vary": list(vary), "samples": samples}, **options)


def capacity(
    scenario: AnyScenario,
    vary: str,
    *,
    objectives: Iterable[str] = (),
    find: Literal["largest", "smallest"] | None = None,
    tolerance: float = 0.01,
    **options: Any,  # noqa: ANN401 - see `sweep`
) -> ExperimentResult:
    """Find the largest load, or the smallest resource, with which the objectives are met.

    Args:
        scenario: what to simulate.
        vary: the place, with or without a range to look in: `spec.workloads[0].rate=100/s..900/s`.
        objectives: what has to hold, such as `latency.p99 below 250ms`; empty takes the scenario's own.
        find: which end; None finds out by the place.
        tolerance: how close to the limit to come, as a share of it; whole numbers are exact.
        options: as of `sweep`.

    Raises:
        HeadroomError: as `run_experiment`.
    """
    plan = {
        "kind": "capacity",
        "vary": vary,
        "objectives": list(objectives),
        "find": find,
        "tolerance": tolerance,
    }
    return _run(scenario, plan, **options)


def compare(scenario: AnyScenario, other: AnyScenario, **options: Any) -> ExperimentResult:  # noqa: ANN401 - see `sweep`
    """Compare two scenarios trial by trial on the same random numbers.

    Args:
        scenario: the one, a.
        other: the other, b; differences are b - a.
        options: as of `sweep`.

    Raises:
        HeadroomError: as `run_experiment`.
    """
    return _run(scenario, {"kind": "compare", "other": as_scenario(other).canonical()}, **options)


def sensitivity(
    scenario: AnyScenario,
    vary: Iterable[str],
    *,
    metric: str = "latency.p99",
    method: Literal["morris", "sobol"] = "morris",
    samples: int | None = None,
    **options: Any,  # noqa: ANN401 - see `sweep`
) -> ExperimentResult:
    """Find out which parameters move a metric most.

    Args:
        scenario: what to simulate.
        vary: the parameters with their ranges, such as `spec.servers[0].cores=2..8`.
        metric: what they move.
        method: Morris' screening, or Sobol's indices.
        samples: trajectories of Morris, or the base sample of Sobol; None takes 10, or 64.
        options: as of `sweep`.

    Raises:
        HeadroomError: as `run_experiment`.
    """
    plan = {
        "kind": "sensitivity",
        "vary": list(vary),
        "metric": metric,
        "method": method,
        "samples": samples,
    }
    return _run(scenario, plan, **options)


def run_experiment(
    experiment: Experiment,
    *,
    threads: int | None = None,
    gateway: str | None = None,
    insecure: bool = False,
    on_progress: OnExperimentProgress | None = None,
) -> ExperimentResult:
    """Run an experiment and return what was found out: the same bytes wherever it runs.

    Args:
        experiment: what is asked for.
        threads: worker threads; None means one per core that this process may use. Of this process alone.
        gateway: URL of a platform's gateway that runs it; None runs it in this process.
        insecure: send a key over plain HTTP to another machine.
        on_progress: is told from time to time how far the experiment has come.

    Raises:
        ScenarioError: a point is not valid.
        PermanentError: the experiment cannot be answered.
        RunFailedError: a run could not be completed.
        GatewayError: the gateway refuses the experiment, or cannot be reached.
    """
    return asyncio.run(
        run_experiment_async(
            experiment, threads=threads, gateway=gateway, insecure=insecure, on_progress=on_progress
        )
    )


async def run_experiment_async(
    experiment: Experiment,
    *,
    threads: int | None = None,
    gateway: str | None = None,
    insecure: bool = False,
    on_progress: OnExperimentProgress | None = None,
) -> ExperimentResult:
    """Do what `run_experiment` does on the running event loop; cancelling the task stops the experiment.

    Raises:
        HeadroomError: as `run_experiment`.
    """
    if gateway is not None:
        from headroom.gateway_experiments import run_experiment_at_gateway  # noqa: PLC0415 - HTTP takes long to import

        document = await run_experiment_at_gateway(
            experiment, gateway, insecure=insecure, on_progress=on_progress
        )
        return ExperimentResult(document)
    from headroom.embedded_experiments import drive  # noqa: PLC0415 - the kernels take long to import

    workers = available_cores() if threads is None else threads
    require("threads", workers, workers >= 1, "at least 1")
    quiet_unless_configured()
    keep_freed_memory()
    return ExperimentResult(await drive(experiment, threads=workers, on_progress=on_progress))


def _run(
    scenario: AnyScenario,
    plan: Mapping[str, Any],
    *,
    threads: int | None = None,
    gateway: str | None = None,
    insecure: bool = False,
    on_progress: OnExperimentProgress | None = None,
    **options: Any,  # noqa: ANN401 - see `sweep`
) -> ExperimentResult:
    experiment = experiment_of(as_scenario(scenario), plan, **options)
    return run_experiment(
        experiment, threads=threads, gateway=gateway, insecure=insecure, on_progress=on_progress
    )
