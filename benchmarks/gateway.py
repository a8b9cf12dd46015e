"""The gateway beside a bare FastAPI application that does the same database work.

``python -m benchmarks.gateway [--rounds N] [--seconds S]``. Each side is one uvicorn process on the same
PostgreSQL; they are asked in turn. Requests per second and p99 are what a client sees; processor time per
request of the server's process does not grow when other programs want the same cores. One run is handed to a
broker without services; all others are accepted and wait, as they do when there is no room.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from sqlalchemy import create_engine, text

from benchmarks.processes import ROOT, processor_time
from benchmarks.table import HEADER, Row, write
from benchmarks.wrk import CONNECTIONS, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from headroom_servers.postgres import Postgres
    from headroom_servers.rabbitmq import RabbitMQ

    from benchmarks.wrk import Load

OUT: Final = ROOT / "benchmarks" / "out" / "latest.json"
EXAMPLE: Final = ROOT / "examples" / "single-server.yaml"
MUST: Final = 0.8
FOLLOWERS: Final = 200
FOLLOWERS_MIB: Final = 50.0
_ADMIN_KEY: Final = "a" * 40
_MANY: Final = 1_000_000_000
_SETTLE: Final = 2.0  # seconds in which a gateway makes its tables
_SETTINGS: Final = {
    # Counted as ever, and never reached.
    "RATES__READS_PER_MINUTE": str(_MANY),
    "RATES__WRITES_PER_MINUTE": str(_MANY),
    "MOST_ACTIVE_RUNS": str(_MANY),
    "MOST_RUNNING": "1",
}


@dataclass(frozen=True, slots=True)
class Servers:
    """What both sides stand on.

    Attributes:
        rabbitmq: a broker without services.
        postgres: the database server.
    """

    rabbitmq: RabbitMQ
    postgres: Postgres


@dataclass(frozen=True, slots=True)
class Side:
    """A server that is asked.

    Attributes:
        name: of the side.
        url: of its interface.
        process_id: of its process.
        headers: what is sent with every request.
    """

    name: str
    url: str
    process_id: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One side, asked for a while.

    Attributes:
        load: what the clients saw.
        work: seconds of processor time per request, of the server's process.
    """

    load: Load
    work: float


def main() -> int:
    """Print the figures; exit status 1 when the gateway is too slow or its followers need too much."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="samples of each side (default 3)")
    parser.add_argument("--seconds", type=int, default=5, help="of each sample (default 5)")
    choice = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "servers"))
    from headroom_servers.postgres import Postgres  # noqa: PLC0415 - found only now
    from headroom_servers.rabbitmq import RabbitMQ  # noqa: PLC0415 - as above

    load_now = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{choice.rounds} rounds of {choice.seconds} s, {CONNECTIONS} connections, {load_now}\n{HEADER}")
    with RabbitMQ() as rabbitmq, Postgres() as postgres:
        rows = routes(Servers(rabbitmq, postgres), choice.rounds, choice.seconds)
    write(rows, OUT)
    missed = [row.name for row in rows if row.ratio is not None and row.ratio < MUST]
    missed += [row.name for row in rows if row.unit == "MiB" and row.ours >= FOLLOWERS_MIB]
    print(
        f"must be {MUST:g} of the bare application, and {FOLLOWERS_MIB:g} MiB: {'missed: ' if missed else 'met'}{', '.join(missed)}"
    )
    return 1 if missed else 0


# --- requests ------------------------------------------------------------------------------------------------


def routes(servers: Servers, rounds: int, seconds: int) -> list[Row]:
    """Measure both routes: the gateway without and with a key, and the bare application."""
    url = servers.postgres.create_database("routes")
    with gateway(servers, url) as plain, gateway(servers, url, key=True) as keyed, _bare(url) as bare:
        scenario = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        body = {"scenario_id": post(plain, "/scenarios", scenario)["id"], "trials": 1}
        sides, rows = (plain, keyed, bare), []
        for name in ("get_run", "post_run"):
            taken: dict[str, list[Asked]] = {side.name: [] for side in sides}
            for number in range(rounds + 1):
                for side in sides if number % 2 else reversed(sides):
                    _forget_runs(url)
                    path = f"/runs/{post(plain, '/runs', body)['id']}" if name == "get_run" else "/runs"
                    sent = None if name == "get_run" else body
                    asked = _ask(side, path, seconds if number else 1, sent)
                    taken[side.name] += [asked] if number else []  # the first round warms
            for side in (plain, keyed):
                rows += _rows(f"{name}{side.name}", taken[side.name], taken[bare.name])
    return rows


def _ask(side: Side, path: str, seconds: int, body: object) -> Asked:
    before = processor_time([side.process_id])
    found = load(f"{side.url}{path}", seconds, body=body, headers=side.headers)
    return Asked(found, (processor_time([side.process_id]) - before) / found.requests)


def _rows(name: str, ours: list[Asked], peer: list[Asked]) -> list[Row]:
    """Three rows, each ratio the better the higher."""

    figures: dict[str, tuple[str, Callable[[Asked], float]]] = {
        "": ("requests/s", lambda asked: asked.load.rate),
        "_p99": ("ms", lambda asked: asked.load.p99 * 1e3),
        "_work": ("us of processor time", lambda asked: asked.work * 1e6),
    }
    rows = []
    for figure, (unit, measure) in figures.items():
        pairs = [(measure(mine), measure(other)) for mine, other in zip(ours, peer, strict=True)]
        ratios = [other / mine if figure else mine / other for mine, other in pairs]
        medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
        rows.append(Row(f"{name}{figure}", medians[0], medians[1], statistics.median(ratios), unit))
        print(f"{rows[-1]}  ({', '.join(f'{ratio:.2f}' for ratio in ratios)})", flush=True)
    return rows


@contextmanager
def gateway(servers: Servers, database_url: str, *, key: bool = False) -> Iterator[Side]:
    """Run a gateway on a database; with a key, everybody needs one."""
    security = {"AUTHENTICATION__MODE": "on", "AUTHENTICATION__ADMIN_KEY": _ADMIN_KEY} if key else {}
    settings = _SETTINGS | security | {"DATABASE_URL": database_url, "BROKER__URL": servers.rabbitmq.url}
    environment = {f"HEADROOM_{name}": value for name, value in settings.items()}
    with _serving(["headroom_gateway"], environment) as (port, process_id):
        url = f"http://127.0.0.1:{port}/api/v1"
        side = Side("", url, process_id, {})
        if key:
            admin = Side("_key", url, process_id, {"Authorization": f"Bearer {_ADMIN_KEY}"})
            made = post(admin, "/keys", {"name": "benchmark", "scope": "run"})
            side = Side("_key", url, process_id, {"Authorization": f"Bearer {made['secret']}"})
        yield side


@contextmanager
def _bare(database_url: str) -> Iterator[Side]:
    with _serving(["benchmarks.bare_gateway", "{port}", database_url], {}) as (port, process_id):
        yield Side("_bare", f"http://127.0.0.1:{port}/api/v1", process_id, {})


@contextmanager
def _serving(module: list[str], environment: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Run a module that serves HTTP; gives its port and the id of its process."""
    from headroom_servers.processes import Process, accepts_connections, free_port  # noqa: PLC0415 - found only now

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = Process(
            [sys.executable, "-m", *(part.format(port=port) for part in module)],
            log=Path(folder) / "log",
            ready=lambda: accepts_connections(port),
            environment={"HEADROOM_PORT": str(port), **environment},
            directory=ROOT,
        )
        process.start()
        try:
            time.sleep(_SETTLE)
            yield port, process.pid
        finally:
            process.kill()


def post(side: Side, path: str, body: object) -> dict[str, Any]:
    """Send JSON to one side and return its answer."""
    headers = {"Content-Type": "application/json", **side.headers}
    request = urllib.request.Request(f"{side.url}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _forget_runs(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE runs, outbox CASCADE"))
    engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
