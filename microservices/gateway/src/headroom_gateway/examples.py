"""Examples for the OpenAPI document."""

from typing import Any, Final

from pydantic import ConfigDict

SCENARIO_ID: Final = "f542b52fbb7afb31a577c1bc93a22f01c355ebb1cb6de7c54eea0ca4f82aa07a"
SCENARIO: Final = """\
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: one-server}
spec:
  horizon: 60s
  workloads: [{name: users, entry: app, arrivals: {kind: poisson, rate: 50/s}}]
  servers: [{name: app, cores: 1, endpoints: [{name: /, steps: [{cpu: 10ms}]}]}]
"""
NEW_RUNS: Final = (
    {"scenario_id": SCENARIO_ID, "trials": 30, "seed": 7},
    {"scenario": SCENARIO, "overrides": ["spec.servers[0].cores=4"]},
)
CLONED_RUN: Final = {"overrides": ["spec.servers[0].replicas=4"]}
NEW_KEY: Final = {"name": "ci of the checkout team", "scope": "run", "expires_in_days": 90}
PROGRESS: Final = {"trials_done": 4, "trials": 10, "requests": 288437, "simulated": 480.0, "total": 1200.0}
FAILURE: Final = {"reason": "no progress for 900 s", "field": None, "last_event": "run.requested"}
RESULT: Final = {
    "hash": "9debfcda0aa282120b9717cb1a3deedcfe9d8111ee2f22d02f6ed09d433af23e",
    "size": 155934,
    "verdict": "pass",
    "trials": 10,
    "partial": False,
    "cached": False,
}
RUN: Final = {
    "id": "7602d5e1-d6cb-44be-9dc1-82545deb235a",
    "scenario_id": SCENARIO_ID,
    "scenario_name": "balanced-fleet",
    "state": "completed",
    "trials": 10,
    "seed": 1,
    "confidence": 0.95,
    "segment_arrivals": 61440,
    "late_bound": False,
    "created_at": "2026-11-21T20:36:37.981366Z",
    "created_by": "key:0123456789abcdef",
    "clone_of": None,
    "experiment_id": None,
    "batch": None,
    "started_at": "2026-11-21T20:36:37.996828Z",
    "ended_at": "2026-11-21T20:36:39.787444Z",
    "sequence": 13,
    "progress": PROGRESS | {"trials_done": 10, "requests": 721791, "simulated": 1200.0},
    "failure": None,
    "result": RESULT,
}

_SWEEP: Final = {"kind": "sweep", "vary": ["spec.servers[0].replicas=2..10"]}
NEW_EXPERIMENTS: Final = (
    {"scenario_id": SCENARIO_ID, "plan": _SWEEP, "trials": 10, "seed": 7},
    {"scenario": SCENARIO, "plan": {"kind": "replicate"}, "precision": 0.05},
    {"scenario": SCENARIO, "plan": {"kind": "compare", "other": SCENARIO.replace("cores: 1", "cores: 2")}},
)
EXPERIMENT_PROGRESS: Final = {
    "rounds": 1,
    "points": 9,
    "runs_done": 4,
    "runs": 9,
    "trials_done": 52,
    "trials": 90,
    "requests": 3752441,
}
EXPERIMENT: Final = {
    "id": "0a8e4b5c-0f0e-4a44-9d61-bfc1f2f1d2a7",
    "kind": "sweep",
    "scenario_id": SCENARIO_ID,
    "scenario_name": "balanced-fleet",
    "plan": _SWEEP | {"samples": None},
    "trials": 10,
    "seed": 7,
    "confidence": 0.95,
    "precision": None,
    "most_trials": 200,
    "warm_up": "scenario",
    "state": "running",
    "created_at": "2026-11-22T09:12:04.120331Z",
    "created_by": "key:0123456789abcdef",
    "started_at": "2026-11-22T09:12:04.501220Z",
    "ended_at": None,
    "sequence": 7,
    "progress": EXPERIMENT_PROGRESS,
    "failure": None,
    "result": None,
}


def shown(*examples: dict[str, Any]) -> ConfigDict:
    """Return what adds examples to a model's schema."""
    return ConfigDict(json_schema_extra={"examples": [*examples]})
