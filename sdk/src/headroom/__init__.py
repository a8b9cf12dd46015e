"""Headroom: will this backend hold, and how much headroom is left?

from headroom import run

result = run("scenario.yaml", trials=10)
print(result.verdict, result.latency["p99"].value)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headroom.client import Client, GatewayError, GatewayRefusedError, GatewayUnavailableError
    from headroom.embedded import run, run_async
    from headroom.experiment_progress import ExperimentProgress
    from headroom.experiment_result import ExperimentResult
    from headroom.experiments import (
        capacity,
        compare,
        replicate,
        run_experiment,
        run_experiment_async,
        sensitivity,
        sweep,
    )
    from headroom.following import RunFailedError
    from headroom.gateway import RunCancelledError
    from headroom.progress import Progress
    from headroom.result import Figure, Result
    from headroom.scenarios import ScenarioWarning
    from headroom_common.errors import HeadroomError
    from headroom_common.scenario import Scenario
    from headroom_common.scenario.loading import load_scenario
    from headroom_common.scenario.problems import ScenarioError

__all__ = [
    "Client",
    "ExperimentProgress",
    "ExperimentResult",
    "Figure",
    "GatewayError",
    "GatewayRefusedError",
    "GatewayUnavailableError",
    "HeadroomError",
    "Progress",
    "Result",
    "RunCancelledError",
    "RunFailedError",
    "Scenario",
    "ScenarioError",
    "ScenarioWarning",
    "capacity",
    "compare",
    "load_scenario",
    "replicate",
    "run",
    "run_async",
    "run_experiment",
    "run_experiment_async",
    "sensitivity",
    "sweep",
]

_HOMES = {
    "Client": "headroom.client",
    "ExperimentProgress": "headroom.experiment_progress",
    "ExperimentResult": "headroom.experiment_result",
    "Figure": "headroom.result",
    "GatewayError": "headroom.client",
    "GatewayRefusedError": "headroom.client",
    "GatewayUnavailableError": "headroom.client",
    "HeadroomError": "headroom_common.errors",
    "Progress": "headroom.progress",
    "Result": "headroom.result",
    "RunCancelledError": "headroom.gateway",
    "RunFailedError": "headroom.following",
    "Scenario": "headroom_common.scenario",
    "ScenarioError": "headroom_common.scenario.problems",
    "ScenarioWarning": "headroom.scenarios",
    "load_scenario": "headroom_common.scenario.loading",
    "capacity": "headroom.experiments",
    "compare": "headroom.experiments",
    "replicate": "headroom.experiments",
    "run": "headroom.embedded",
    "run_async": "headroom.embedded",
    "run_experiment": "headroom.experiments",
    "run_experiment_async": "headroom.experiments",
    "sensitivity": "headroom.experiments",
    "sweep": "headroom.experiments",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any public name
    """Import a public name when it is first used: `headroom --help` need not wait for the kernels.

    Raises:
        AttributeError: there is no such name.
    """
    if name not in _HOMES:
        message = f"module 'headroom' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
