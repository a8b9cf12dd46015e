"""All services and their gateways as processes, each of which a test may kill; and a careful client."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from headroom_servers.processes import free_port
from headroom_servers.services import SERVICES, ServiceProcess
from sqlalchemy import Engine, create_engine, text

from headroom_platforms.backends import Backend

ENDED = frozenset({"completed", "failed", "cancelled"})
PATIENCE = 120.0
"""Seconds that a client asks again, and that runs may take until they have ended."""

SMALL = """
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: small}
spec:
  horizon: 20s
  workloads:
    - {name: visitors, entry: app, via: [internet], arrivals: {kind: poisson, rate: 100/s}}
  links:
    - {name: internet, delay: {distribution: exponential, mean: 20ms}}
  servers:
    - name: app
      cores: 2
      endpoints:
        - {name: /api, steps: [{cpu: {distribution: exponential, mean: 12ms}}]}
"""
"""A scenario of one segment per trial."""

_PAUSE = 0.5
_UNAVAILABLE = 503


class GatewayPlatform:
    """One process of every service of the ring, and gateways in front of them.

    Args:
        backend: what it stands on.
        gateways: how many of them, on one database.
        services: the other services that are started.
        settings: of the gateways, by variable without its prefix.

    Attributes:
        gateways: the processes of the gateway.
        services: the other processes by service.
        database_url: of the gateways' database.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        gateways: int = 1,
        services: Sequence[str] = SERVICES,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        common = {name.removeprefix("HEADROOM_"): value for name, value in backend.environment.items()} | {
            "THREADS": "1"
        }
        self.services = {name: ServiceProcess(name, common | _door()) for name in services}
        self.database_url = backend.postgres.create_database(f"{backend.virtual_host}-gateway")
        analysis = {"ANALYSIS_URL": f"http://127.0.0.1:{free_port()}"}
        if "analysis" in self.services:
            door = _door()
            self.services["analysis"] = ServiceProcess("analysis", common | door)
            analysis = {"ANALYSIS_URL": f"http://127.0.0.1:{door['PORT']}"}
        own = common | {"DATABASE_URL": self.database_url} | analysis | dict(settings or {})
        self.gateways = [ServiceProcess("gateway", own | _door()) for _ in range(gateways)]

    @property
    def processes(self) -> Sequence[ServiceProcess]:
        """All of them."""
        return [*self.services.values(), *self.gateways]

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(asyncio.to_thread(one.start) for one in self.processes))
            await asyncio.gather(*(asyncio.to_thread(one.wait_ready) for one in self.processes))
        except BaseException:
            self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._print_logs()
        await asyncio.to_thread(self._stop)

    @contextmanager
    def database(self) -> Iterator[Engine]:
        """Give the gateways' database."""
        engine = create_engine(self.database_url)
        try:
            yield engine
        finally:
            engine.dispose()

    def count(self, query: str) -> int:
        """Return the number that a query of the gateways' database gives."""
        with self.database() as engine, engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())

    def _print_logs(self) -> None:
        """Print what the processes have told of themselves; pytest shows it when the test fails."""
        for one in self.processes:
            for line in one.lines:
                if line["event"] != "http request":
                    print(one.service, line)  # noqa: T201 - as above

    def _stop(self) -> None:
        for one in self.processes:
            one.stop()


def _door() -> dict[str, str]:
    """A port that stays the same when the process is started again."""
    return {"PORT": str(free_port())}


@dataclass(frozen=True)
class News:
    """A server-sent event.

    Attributes:
        sequence: its ``id``.
        kind: its name.
        data: its data.
    """

    sequence: int
    kind: str
    data: Mapping[str, Any]


class Caller:
    """A client that asks again while the gateway is away or tells it to come later.

    Args:
        gateway: whom it asks.
        key: its API key; empty for none.
    """

    def __init__(self, gateway: ServiceProcess, *, key: str = "") -> None:
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{gateway.port}/api/v1",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=60,
            limits=httpx.Limits(max_connections=None),
        )
        self.asked_again = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer; one that says to come later is none."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    answer = await self._client.request(method, path, **options)
                except httpx.TransportError:
                    answer = None
                if answer is not None and answer.status_code != _UNAVAILABLE:
                    assert answer.status_code < 500, answer.text
                    return answer
                assert answer is None or "retry-after" in answer.headers, answer.text
                self.asked_again += 1
                await asyncio.sleep(_PAUSE)

    async def scenario(self, document: str) -> str:
        """Store a scenario and return its id."""
        headers = {"Content-Type": "application/yaml"}
        answer = await self.ask("POST", "/scenarios", content=document, headers=headers)
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    async def submit(self, scenario_id: str, seed: int, trials: int) -> str:
        """Ask for a run, under a key that stands for the seed, and return its id."""
        body = {"scenario_id": scenario_id, "seed": seed, "trials": trials}
        answer = await self.ask("POST", "/runs", json=body, headers={"Idempotency-Key": f"seed-{seed}"})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def until_ended(self, number: int) -> list[dict[str, Any]]:
        """Wait until that many runs have ended, and return all runs there are."""
        runs: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while sum(run["state"] in ENDED for run in runs) < number:
                    await asyncio.sleep(_PAUSE)
                    runs = await self.all_runs()
        except TimeoutError:
            late = f"expected {number} runs to end, found {Counter(run['state'] for run in runs)}"
            raise AssertionError(late) from None
        return runs

    async def all_runs(self) -> list[dict[str, Any]]:
        """Return all runs, page by page."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while cursor is not None or not found:
            parameters = {"limit": 40} | ({} if cursor is None else {"cursor": cursor})
            page = (await self.ask("GET", "/runs", params=parameters)).json()
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return found

    @asynccontextmanager
    async def following(self, run_id: str, after: int | None = None) -> AsyncIterator[AsyncIterator[News]]:
        """Follow a run from one connection, until it ends or the connection does."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        async with self._client.stream("GET", f"/runs/{run_id}/events", headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            yield _news(answer.aiter_lines())

    async def history(self, run_id: str) -> list[News]:
        """Return the news of a run that has ended."""
        async with self.following(run_id) as news:
            return [one async for one in news]


async def _news(lines: AsyncIterator[str]) -> AsyncIterator[News]:
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(":")
        if name:
            fields[name] = value.removeprefix(" ")
        elif not line:
            if "data" in fields:
                yield News(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
