"""What the SDK's tests share: a result document in the published form, and a console to print it on."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from rich.console import Console

from headroom.builder import cpu, endpoint, poisson, scenario, server, workload
from headroom_common import logs
from headroom_common.scenario import Scenario

sys.path.insert(0, str(Path(__file__).parent))

from client_testing.server import SmallGateway

JsonDict = dict[str, Any]


def figure(value: float | None, spread: float = 0.02) -> JsonDict:
    """An estimate with a symmetric interval of the relative half-width `spread`."""
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value * (1 - spread), "high": value * (1 + spread)}


def latency(scale: float = 1.0) -> JsonDict:
    """The latency block of a document, in seconds, multiplied by `scale`."""
    seconds = {
        "mean": 0.0243,
        "sd": 0.019,
        "min": 0.0061,
        "max": 0.413,
        "p50": 0.0181,
        "p90": 0.0472,
        "p95": 0.0664,
        "p99": 0.181,
        "p999": 0.2975,
    }
    block: JsonDict = {name: figure(value * scale) for name, value in seconds.items()}
    block["histogram"] = [{"low": 0.006 * scale, "high": 0.42 * scale, "count": 1_497_210}]
    return block


def server_document(name: str, utilisation: float, *, bottleneck: str | None = None) -> JsonDict:
    """One server group of two replicas with a database pool."""
    return {
        "name": name,
        "replicas": 2,
        "cores": 4,
        "utilisation": figure(utilisation),
        "utilisation_max_replica": figure(min(1.0, utilisation * 1.05)),
        "memory": {"mean": figure(8e8), "peak": figure(1.7e9), "capacity": 2147483648},
        "in_system": figure(5.31),
        "queues": {
            "cpu": {"mean": figure(0.42), "peak": figure(17.0), "wait_mean": figure(0.0017)},
            "memory": {"mean": figure(0.0), "peak": figure(0.0), "wait_mean": figure(0.0)},
            "pools": [
                {
                    "name": "db",
                    "size": 20,
                    "utilisation": figure(0.97),
                    "mean": figure(3.2),
                    "peak": figure(64.0),
                    "wait_mean": figure(0.0128),
                }
            ],
        },
        "arrival_rate": figure(249.8),
        "refused": figure(0.0),
        "shed": figure(12.0),
        "latency": latency(0.9),
        "saturated": bottleneck is not None,
        "bottleneck": bottleneck,
        "per_replica": [
            {
                "index": index,
                "utilisation": figure(utilisation),
                "in_system": figure(2.6),
                "arrival_rate": figure(124.9),
            }
            for index in range(2)
        ],
    }


def part(cause: str, server_name: str | None, seconds: float, share: float) -> JsonDict:
    """One cause of latency."""
    return {"cause": cause, "server": server_name, "seconds": figure(seconds), "share": share}


def objective(text: str, number: float, value: float | None, *, met: bool = True) -> JsonDict:
    """One judged objective, from its text form `metric below|above threshold` and the threshold's number."""
    metric, operator, _ = text.split(" ")
    return {
        "objective": text,
        "metric": metric,
        "scope": None,
        "operator": operator,
        "threshold": number,
        "value": figure(value),
        "met": met,
        "certain": True,
    }


def make_document(**changes: Any) -> JsonDict:
    """A complete `headroom.result/v1` document of a missed objective; `changes` replace top-level keys."""
    per_workload = {
        "latency": latency(),
        "outcomes": {"ok": figure(149_721.0)},
        "error_ratio": figure(0.0009),
        "throughput": figure(249.5),
    }
    document: JsonDict = {
        "format": "headroom.result/v1",
        "engine_version": "0.1.0",
        "scenario_hash": "ab" * 32,
        "scenario": {
            "apiVersion": "headroom.dev/v1",
            "kind": "Scenario",
            "metadata": {"name": "two-servers"},
            "spec": {},
        },
        "name": "two-servers",
        "seed": 1,
        "trials": 10,
        "confidence": 0.95,
        "horizon": 600.0,
        "warmup": 30.0,
        "verdict": "miss",
        "requests": {"total": 1_498_540},
        "outcomes": {
            "ok": figure(149_721.0),
            "dropped": figure(121.0),
            "refused": figure(0.0),
            "shed": figure(12.0),
            "timed_out": figure(0.0),
        },
        "error_ratio": figure(0.000888),
        "latency": latency(),
        "throughput": figure(249.5),
        "arrival_rate": figure(249.8),
        "workloads": [{"name": "shoppers", **per_workload}],
        "endpoints": [{"name": "/api", **per_workload}],
        "servers": [server_document("app", 0.624, bottleneck="pool:db"), server_document("search", 0.21)],
        "links": [{"name": "internet", "in_transit_mean": figure(3.1)}],
        "anatomy": {
            "mean": {
                "total": 0.0243,
                "parts": [
                    part("pool_wait:db", "app", 0.0128, 0.527),
                    part("io", "app", 0.008, 0.329),
                    part("cpu_run", "app", 0.003, 0.123),
                    part("link:internet", None, 0.0005, 0.021),
                ],
            },
            "p99": {
                "total": 0.2114,
                "parts": [
                    part("pool_wait:db", "app", 0.161, 0.762),
                    part("io", "app", 0.0395, 0.187),
                    part("cpu_wait", "app", 0.0059, 0.028),
                    part("cpu_run", "app", 0.0041, 0.019),
                    part("link:internet", None, 0.0009, 0.004),
                ],
            },
        },
        "objectives": [
            objective("latency.p99 below 250ms", 0.25, 0.181),
            objective("error_ratio below 0.05%", 0.0005, 0.000888, met=False),
        ],
        "series": {
            "period": 2.0,
            "times": [0.0, 2.0],
            "throughput": [0.0, 249.0],
            "errors": [0.0, 0.2],
            "servers": [],
            "links": [],
        },
        "checks": {"littles_law_residual": 0.0},
    }
    return document | changes


@pytest.fixture
def document() -> JsonDict:
    """A fresh complete document."""
    return make_document()


@pytest.fixture
def documents() -> Callable[..., JsonDict]:
    """A maker of documents with some top-level keys replaced."""
    return make_document


@pytest.fixture
def plain_console() -> Callable[[int], Console]:
    """A maker of consoles without colour that write to memory, of the given width."""

    def make(width: int) -> Console:
        return Console(file=io.StringIO(), width=width, force_terminal=False, no_color=True)

    return make


@pytest.fixture(autouse=True)
def structlog_as_it_was() -> Iterator[None]:
    """Let every test find the process's logs unconfigured, and undo what it does to them."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    logs.silence(silent=False)
    structlog.reset_defaults()
    if before is not None:
        structlog.configure(**before)


@pytest.fixture
def small_scenario() -> Scenario:
    """A single server for ten seconds."""
    return scenario(
        "small",
        horizon="10s",
        workloads=[workload("visitors", entry="app", arrivals=poisson("50/s"))],
        servers=[server("app", cores=1, endpoints=[endpoint("/", steps=[cpu("5ms")])])],
    )


@pytest.fixture
def no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a user who has never logged in; returns where a login would be kept."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("HEADROOM_GATEWAY", "HEADROOM_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "config" / "headroom" / "credentials.json"


@pytest.fixture
def gateway(no_login: Path) -> Iterator[SmallGateway]:
    """A gateway whose answers the test writes."""
    assert not no_login.exists()
    with SmallGateway() as server:
        yield server
