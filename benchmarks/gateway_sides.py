"""Gateways and their peer as processes, on servers of their own."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from headroom_servers.postgres import Postgres
    from headroom_servers.rabbitmq import RabbitMQ

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
def bare(database_url: str) -> Iterator[Side]:
    """Run the bare application on a database."""
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
    request = urllib.request.Request(f"{side.url}{path}", json.dumps(body).encode(), headers)  # noqa: S310 - always http to the loopback interface
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        found: dict[str, Any] = json.load(answer)
    return found
