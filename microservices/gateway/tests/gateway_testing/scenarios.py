"""Small scenarios, and results of them."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any, Final

from headroom_common.scenario.loading import load_scenario
from headroom_gateway.storage.scenarios import NewScenario

SMALL: Final = """\
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: small}
spec:
  horizon: 2s
  sample_period: 1s
  workloads: [{name: users, entry: app, arrivals: {kind: poisson, rate: 20/s}}]
  servers: [{name: app, cores: 1, endpoints: [{name: /, steps: [{cpu: 5ms}, {io: 10ms}]}]}]
"""
"""Forty requests a trial."""


@cache
def stored(name: str = "small") -> NewScenario:
    """Return the small scenario under a name, ready to be stored."""
    return NewScenario.of(load_scenario(SMALL.replace("small", name)))


def result(trials: int = 3, *, seed: int = 1, partial: bool = False) -> dict[str, Any]:
    """Return what the store looks at in a result document."""
    document = {
        "format": "headroom.result/v1",
        "engine_version": "0.1.0",
        "seed": seed,
        "trials": trials,
        "verdict": "pass",
        "requests": {"total": 40 * trials},
    }
    return copy.deepcopy(document) | ({"partial": {"asked": 2 * trials}} if partial else {})
