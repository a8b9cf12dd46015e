"""Scenarios that the tests start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headroom_common.scenario.document import read_yaml

SMALLEST = """\
apiVersion: headroom.dev/v1
kind: Scenario
metadata:
  name: smallest
spec:
  horizon: 60s
  workloads:
    - name: users
      entry: app
      arrivals: {kind: poisson, rate: 10/s}
  servers:
    - name: app
      cores: 1
      endpoints:
        - name: /
          steps:
            - cpu: 1ms
"""

FULL = """\
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: two-servers, description: Two servers., labels: {team: web}}
spec:
  horizon: 600s
  warmup: 30s
  workloads:
    - name: shoppers
      entry: lb
      via: [internet]
      arrivals: {kind: poisson, rate: 250/s}
      timeout: 2s
  links:
    - {name: internet, delay: 12ms, loss: 1%}
    - {name: lan, delay: {distribution: exponential, mean: 3ms}}
  routers:
    - name: lb
      policy: round_robin
      targets: [{server: app, link: lan, return_via: [lan, internet]}]
      rate_limit: {rate: 500/s, burst: 100}
  servers:
    - name: app
      replicas: 2
      cores: 4
      memory: 2Gi
      pools: [{name: db, size: 20}]
      queue_limit: 100
      endpoints:
        - name: /api
          memory: 64Mi
          steps:
            - cpu: 2ms
            - pool: db
              steps: [{io: {distribution: exponential, mean: 8ms}}]
            - cpu: 1ms
  faults:
    - {kind: server_down, server: app, replica: 0, start: 60s, end: 90s}
    - {kind: link_delay, link: lan, extra: 50ms, start: 1s, duration: 10s}
  objectives:
    - latency.p99 below 250ms
    - {metric: error_ratio, below: 0.1%, workload: shoppers}
"""

ASYNCFLOW = """\
rqs_input:
  id: crowd
  avg_active_users: {mean: 400}
  avg_request_per_minute_per_user: {mean: 20}
topology_graph:
  nodes:
    client: {id: client}
    load_balancer: {id: balancer, algorithms: round_robin, server_covered: [left, right]}
    servers:
      - id: left
        server_resources: {cpu_cores: 1, ram_mb: 2048}
        endpoints: &endpoints
          - endpoint_name: /api
            steps:
              - {kind: initial_parsing, step_operation: {cpu_time: 0.002}}
              - {kind: ram, step_operation: {necessary_ram: 128}}
              - {kind: io_wait, step_operation: {io_waiting_time: 0.012}}
      - id: right
        server_resources: {cpu_cores: 1, ram_mb: 2048}
        endpoints: *endpoints
  edges:
    - {id: in, source: crowd, target: client, dropout_rate: 0, latency: {mean: 0.003, distribution:
    exponential}}
    - {id: up, source: client, target: balancer, dropout_rate: 0, latency: {mean: 0.002, distribution:
    exponential}}
    - {id: to-left, source: balancer, target: left, dropout_rate: 0, latency: {mean: 0.002, distribution:
    exponential}}
    - {id: to-right, source: balancer, target: right, dropout_rate: 0, latency: {mean: 0.002, distribution:
    exponential}}
    - {id: from-left, source: left, target: client, dropout_rate: 0, latency: {mean: 0.003, distribution:
    exponential}}
    - {id: from-right, source: right, target: client, dropout_rate: 0, latency: {mean: 0.003, distribution:
    exponential}}
sim_settings: {total_simulation_time: 600, sample_period_s: 0.1}
events:
  - event_id: outage
    target_id: left
    start: {kind: server_down, t_start: 10}
    end: {kind: server_up, t_end: 20}
"""


@pytest.fixture
def smallest_text() -> str:
    """Return the shortest valid scenario; line 5 is `spec:`."""
    return SMALLEST


@pytest.fixture
def smallest() -> dict[str, Any]:
    """Return the shortest valid scenario."""
    document: dict[str, Any] = yaml.safe_load(SMALLEST)
    return document


@pytest.fixture
def full_text() -> str:
    """Return a scenario with something of everything."""
    return FULL


@pytest.fixture
def document() -> dict[str, Any]:
    """Return a scenario with something of everything."""
    parsed: dict[str, Any] = yaml.safe_load(FULL)
    return parsed


@pytest.fixture
def root() -> Path:
    """Return the repository's root."""
    return Path(__file__).resolve().parents[3]


@pytest.fixture
def payload() -> dict[str, Any]:
    """Return an AsyncFlow document without any of its traps, but for one outage."""
    parsed: dict[str, Any] = read_yaml(ASYNCFLOW).plain()  # unlike PyYAML's, without shared parts
    return parsed
