"""The client of a gateway: runs, results and progress over HTTP."""

from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote
from uuid import UUID

from headroom.client.address import Address
from headroom.client.calls import Calls, Patience
from headroom.client.experiments import Experiments
from headroom.client.keys import Keys
from headroom.client.runs import Runs, path_of
from headroom.client.scenarios import Scenarios
from headroom.result import Result
from headroom_gateway.representations import ServicesReport

_PARQUET: Final = "application/vnd.apache.parquet"


class Client:
    """A gateway, as Python sees it; every method may raise a `GatewayError`.

    Use it as ``async with Client() as client:``. What fails for a moment is tried again, with backoff: an
    unreachable gateway, one that is overloaded, a rate limit.

    Args:
        url: the gateway; None takes HEADROOM_GATEWAY, or the one of `headroom login`.
        key: API key or OIDC token; None takes HEADROOM_KEY, or the one of `headroom login` for this gateway;
            empty sends none.
        insecure: send a key over plain HTTP to another machine.
        patience: how long to wait.

    Attributes:
        url: the gateway.
        scenarios: its scenarios.
        runs: its runs.
        experiments: its experiments.
        keys: its API keys.

    Raises:
        AddressError: there is no URL, or URL or key cannot be used.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        insecure: bool = False,
        patience: Patience | None = None,
    ) -> None:
        self._calls = Calls(Address.of(url, key, insecure=insecure), patience or Patience())
        self.url = self._calls.address.url
        self.scenarios = Scenarios(self._calls)
        self.runs = Runs(self._calls)
        self.experiments = Experiments(self._calls)
        self.keys = Keys(self._calls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.close()

    async def result(self, run_id: UUID | str) -> Result:
        """Return a run's result, the same to the byte as an embedded run's.

        Raises:
            GatewayRefusedError: there is none, or none yet.
        """
        return Result(self._calls.read_json(await self._calls.get(f"{path_of(run_id)}/results")))

    async def summary(self, run_id: UUID | str, *, points: int | None = None) -> dict[str, Any]:
        """Return the figures of a result that fit on a screen.

        Args:
            run_id: the run.
            points: how many points its series have, at most.
        """
        answer = await self._calls.get(f"{path_of(run_id)}/summary", parameters={"points": points})
        return self._calls.read_json(answer)

    async def report(self, run_id: UUID | str) -> str:
        """Return a result's report, as HTML."""
        return (await self._calls.get(f"{path_of(run_id)}/report", accept="text/html")).text

    async def parquet(self, run_id: UUID | str) -> bytes:
        """Return a result's tables, as Parquet."""
        return (await self._calls.get(f"{path_of(run_id)}/results", accept=_PARQUET)).content

    async def compare(self, run_id: UUID | str, other: UUID | str) -> dict[str, Any]:
        """Return how a run differs from another one, a document of the format `headroom.comparison/v1`."""
        path = f"{path_of(run_id)}/compare/{quote(str(other), safe='')}"
        return self._calls.read_json(await self._calls.get(path))

    async def services(self) -> ServicesReport:
        """Return the states of all services of the platform."""
        return self._calls.read(ServicesReport, await self._calls.get("/services"))

    async def explain(self, path: str = "", *, recursive: bool = False) -> dict[str, Any]:
        """Return what the schema of scenarios knows about a field.

        Args:
            path: of the field, such as ``spec.servers.endpoints.steps``.
            recursive: whether to return everything below it, too.
        """
        parameters = {"path": path or None, "recursive": recursive or None}
        return self._calls.read_json(await self._calls.get("/explain", parameters=parameters))
