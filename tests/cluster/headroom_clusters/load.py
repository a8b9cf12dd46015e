"""People who use a platform the whole time: they ask for runs, follow them, look around and read results.

They have `headroom.Client` and nothing else. Each request that goes out is counted, and what became of it:
tries that it repeats are counted one by one, so that a breach that it hides is seen here.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import httpx

from headroom import Scenario, run_async
from headroom.client import Client, GatewayError

SCENARIO: Final = """
apiVersion: headroom.dev/v1
kind: Scenario
metadata: {name: rollouts}
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
TRIALS: Final = 4
SEEDS: Final = range(8)
RUNNERS: Final = 3
READERS: Final = 2

_PAUSE: Final = 0.2
_END_SECONDS: Final = 300.0


@dataclass
class Count:
    """What became of requests.

    Attributes:
        sent: requests that went out.
        statuses: answers by status.
        broken: requests without an answer, or without all of it, by what the client was told.
        failed: calls of the client that raised, as it told them.
        runs: runs that were completed with the bytes of an embedded run.
    """

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    runs: int = 0

    @property
    def refused(self) -> int:
        """Answers that were no success."""
        return sum(count for status, count in self.statuses.items() if status >= httpx.codes.BAD_REQUEST)

    def expect_nothing_noticed(self) -> None:
        """Expect that all went as if nothing had happened.

        Raises:
            AssertionError: something was noticed.
        """
        assert not self.broken, self
        assert self.refused == 0, self
        assert not self.failed, self
        assert self.runs > 0, self

    def __str__(self) -> str:
        return (
            f"{self.sent} requests, answers {dict(self.statuses)}, broken {dict(self.broken)}, "
            f"{self.runs} runs, failed calls {self.failed}"
        )


class Load:
    """Users in a thread of their own, until the block ends; then their last runs are waited for.

    Args:
        url: the gateway.
        key: its API key.
        expected: the bytes of the results, by seed.

    Attributes:
        count: what became of all requests so far.
    """

    def __init__(self, url: str, key: str, expected: dict[int, str]) -> None:
        self.count = Count()
        self._url = url
        self._key = key
        self._expected = expected
        self._over = threading.Event()
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._work, name="load")
        self._ended_runs: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None and self._failures:
            raise self._failures[0]

    def _work(self) -> None:
        try:
            asyncio.run(self._users())
        except BaseException as error:  # noqa: BLE001 - raised again where the block ends
            self._failures.append(error)

    async def _users(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(RUNNERS):
                group.create_task(self._until_over(self._run_one, number))
            for number in range(READERS):
                group.create_task(self._until_over(self._look_around, number))

    async def _until_over(self, turn: Any, number: int) -> None:
        async with Client(self._url, self._key, insecure=True) as client:
            http = client._calls._http
            http._transport, http._mounts = _Counting(http._transport, self.count), {}
            turns = 0
            while not self._over.is_set():
                await turn(client, number + turns)
                turns += 1
                await asyncio.sleep(_PAUSE)

    async def _run_one(self, client: Client, turn: int) -> None:
        """Ask for a run, follow it, and compare its result; gives up only when a call of the client fails."""
        seed = SEEDS[turn % len(SEEDS)]
        try:
            async with asyncio.timeout(_END_SECONDS):
                asked = await client.runs.submit(
                    Scenario.from_yaml(SCENARIO), trials=TRIALS, seed=seed, fresh=True
                )
                run = await client.runs.wait(asked.id)
                result = await client.result(asked.id)
        except (GatewayError, TimeoutError) as error:
            self.count.failed.append(f"{type(error).__name__}: {error}")
            return
        assert run.state.value == "completed", run
        assert result.to_json() == self._expected[seed], f"run {run.id}, seed {seed}: other bytes"
        self.count.runs += 1
        self._ended_runs.append(str(run.id))

    async def _look_around(self, client: Client, turn: int) -> None:
        """Read what others have made; the report comes from analysis, through the gateway."""
        try:
            await anext(aiter(client.runs.list(limit=5)), None)
            await client.services()
            if self._ended_runs:
                one = self._ended_runs[turn % len(self._ended_runs)]
                await client.runs.get(one)
                await client.summary(one)
                await client.report(one)
        except GatewayError as error:
            self.count.failed.append(f"{type(error).__name__}: {error}")


class _Counting(httpx.AsyncBaseTransport):
    """Sends the client's requests and counts what becomes of them, until the last byte of the answer."""

    def __init__(self, sending: httpx.AsyncBaseTransport, count: Count) -> None:
        self._sending = sending
        self._count = count

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._count.sent += 1
        try:
            answer = await self._sending.handle_async_request(request)
        except httpx.TransportError as error:
            self._break(error, request)
            raise
        self._count.statuses[answer.status_code] += 1
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        answer.stream = _Whole(answer.stream, lambda error: self._break(error, request))
        return answer

    async def aclose(self) -> None:
        await self._sending.aclose()

    def _break(self, error: Exception, request: httpx.Request) -> None:
        self._count.broken[f"{request.method} {type(error).__name__}: {error}"] += 1


class _Whole(httpx.AsyncByteStream):
    """The body of an answer; tells when it breaks off."""

    def __init__(self, body: httpx.AsyncByteStream, on_break: Callable[[Exception], None]) -> None:
        self._body = body
        self._on_break = on_break

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._body:
                yield part
        except httpx.TransportError as error:
            self._on_break(error)
            raise

    async def aclose(self) -> None:
        await self._body.aclose()


def embedded_results() -> dict[int, str]:
    """Return the bytes of undisturbed runs in this process, by seed."""

    async def all_of_them() -> dict[int, str]:
        scenario = Scenario.from_yaml(SCENARIO)
        return {seed: (await run_async(scenario, trials=TRIALS, seed=seed)).to_json() for seed in SEEDS}

    return asyncio.run(all_of_them())
