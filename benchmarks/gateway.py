"""The gateway beside a bare FastAPI application that does the same database work.

``python -m benchmarks.gateway [--rounds N] [--seconds S]``. Each side is one uvicorn process on the same
PostgreSQL; they are asked in turn. Requests per second and p99 are what a client sees; processor time per
request of the server's process does not grow when other programs want the same cores. One run is handed to a
broker without services; all others are accepted and wait, as they do when there is no room.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml
from sqlalchemy import create_engine, text

from benchmarks import followers
from benchmarks.gateway_sides import Servers, Side, bare, gateway, post
from benchmarks.processes import ROOT, processor_time
from benchmarks.table import HEADER, Row, write
from benchmarks.wrk import CONNECTIONS, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.wrk import Load

OUT: Final = ROOT / "benchmarks" / "out" / "latest.json"
EXAMPLE: Final = ROOT / "examples" / "single-server.yaml"
MUST: Final = 0.8


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
        servers = Servers(rabbitmq, postgres)
        rows = [*routes(servers, choice.rounds, choice.seconds), *followers.measure(servers)]
    write(rows, OUT)
    missed = [
        row.name
        for row in rows
        if row.ratio is not None and row.ratio < MUST and not row.name.startswith("progress")
    ]
    missed += [row.name for row in rows if row.unit == "MiB" and row.ours >= followers.MOST_MIB]
    met = f"missed: {', '.join(missed)}" if missed else "met"
    print(f"must be {MUST:g} of the bare application, and below {followers.MOST_MIB:g} MiB: {met}")
    return 1 if missed else 0


def routes(servers: Servers, rounds: int, seconds: int) -> list[Row]:
    """Measure both routes: the gateway without and with a key, and the bare application."""
    url = servers.postgres.create_database("routes")
    with gateway(servers, url) as plain, gateway(servers, url, key=True) as keyed, bare(url) as peer:
        scenario = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        body = {"scenario_id": post(plain, "/scenarios", scenario)["id"], "trials": 1}
        sides, rows = (plain, keyed, peer), []
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
                rows += _rows(f"{name}{side.name}", taken[side.name], taken[peer.name])
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


def _forget_runs(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE runs, outbox CASCADE"))
    engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
