"""Requests to a gateway: each with its time-out, and tried again where that can do no harm.

All of them are safe to repeat: what reads changes nothing, deleting and cancelling twice is as once, and a
POST carries an `Idempotency-Key` that stays the same over its tries, so that the gateway answers the second
as it did the first.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from headroom.client.address import Address, is_on_this_machine
from headroom.client.errors import GatewayRefusedError, GatewayUnavailableError, refusal
from headroom.client.streams import StreamError

PREFIX: Final = "/api/v1"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_TRIED_AGAIN: Final = frozenset({429, 502, 503, 504})
_NOT_FOUND: Final = 404
_LOST: Final = (httpx.TransportError, httpx.DecodingError, StreamError)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits, in seconds.

    Attributes:
        connect: for a connection.
        answer: for the next bytes of an answer.
        retries: in all, between the tries of one request.
        asked: in all, because the gateway asks for it, as by a rate limit.
        lost: in all, for a gateway that went away while a run is followed.
        base: bound of the first pause between two tries; doubled every time.
        cap: bound of every such pause.
    """

    connect: float = 10.0
    answer: float = 60.0
    retries: float = 10.0
    asked: float = 60.0
    lost: float = 120.0
    base: float = 0.2
    cap: float = 5.0


ModelT = TypeVar("ModelT", bound=BaseModel)


class Pauses:
    """The pauses between the tries of one piece of work.

    Args:
        patience: how long to wait.
        limit: seconds to wait in all, besides what the gateway asks for.
    """

    def __init__(self, patience: Patience, limit: float) -> None:
        self._patience = patience
        self._limit = limit
        self._identity = uuid4().hex
        self.restart()

    def restart(self) -> None:
        """Begin anew, because something went well."""
        self._number = 0
        self._waited = self._asked = 0.0

    async def after(self, error: GatewayUnavailableError) -> None:
        """Wait before the next try, as long as backoff says and the gateway asked for.

        Args:
            error: why the last one failed.

        Raises:
            GatewayUnavailableError: the one that was given, for the patience is at its end.
        """
        from headroom_common.event_manager.backoff import backoff  # noqa: PLC0415 - dear; most requests need none

        self._number += 1
        pause = backoff(self._identity, self._number, base=self._patience.base, cap=self._patience.cap)
        # The smallest pause counts as something, or pauses of nothing could go on for ever.
        self._waited += max(pause, self._patience.base / 2)
        self._asked += error.delay or 0.0
        if self._waited > self._limit or self._asked > self._patience.asked:
            raise error
        await asyncio.sleep(pause + (error.delay or 0.0))


class Calls:
    """Sends requests to one gateway.

    Args:
        address: the gateway.
        patience: how long to wait.
    """

    def __init__(self, address: Address, patience: Patience) -> None:
        self.address = address
        self.patience = patience
        self._http = httpx.AsyncClient(
            base_url=address.url,
            headers={"User-Agent": "headroom", **address.headers},
            timeout=httpx.Timeout(patience.answer, connect=patience.connect),
            # Proxies lead to other machines, where a key that goes to this one has no business.
            trust_env=not is_on_this_machine(address.url),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def get(
        self, path: str, *, parameters: Mapping[str, Any] | None = None, accept: str = "application/json"
    ) -> httpx.Response:
        """Read something.

        Raises:
            GatewayError: the gateway refuses, or cannot be reached.
        """
        return await self._answered("GET", path, params=_given(parameters), headers={"Accept": accept})

    async def post(self, path: str, body: Any = None, *, fresh: bool = False) -> httpx.Response:  # noqa: ANN401 - any JSON
        """Ask for something to be made or done, once over however many tries.

        Args:
            path: below the interface's prefix.
            body: the request's JSON; None sends no body.
            fresh: whether stored answers of the past are of no use.

        Raises:
            GatewayError: the gateway refuses, or cannot be reached.
        """
        headers = {IDEMPOTENCY_KEY: str(uuid4()), **({"Cache-Control": "no-cache"} if fresh else {})}
        return await self._answered("POST", path, json=body, headers=headers)

    async def delete(self, path: str) -> None:
        """Delete something.

        Raises:
            GatewayError: the gateway refuses, or cannot be reached.
        """
        await self._answered("DELETE", path)

    @asynccontextmanager
    async def streamed(self, path: str, *, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """Open an answer that comes bit by bit; tried once.

        Raises:
            GatewayError: the gateway refuses, cannot be reached, or was lost in the middle.
        """
        try:
            async with self._http.stream("GET", PREFIX + path, headers=headers) as answer:
                if answer.is_success:
                    yield answer
                    return
                await answer.aread()
        except _LOST as error:
            raise self._unreachable(error) from error
        raise refusal(answer, self.address.url)

    async def _answered(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        pauses, repeated = Pauses(self.patience, self.patience.retries), False
        while True:
            try:
                answer = await self._http.request(method, PREFIX + path, **request)
            except _LOST as lost:
                error = self._unreachable(lost)
                error.__cause__ = lost
            else:
                # Not found by a second try to delete: the first one did it, and its answer was lost.
                gone = repeated and method == "DELETE" and answer.status_code == _NOT_FOUND
                if answer.is_success or gone:
                    return answer
                refused = refusal(answer, self.address.url)
                if not isinstance(refused, GatewayUnavailableError) or answer.status_code not in _TRIED_AGAIN:
                    raise refused
                error = refused
            await pauses.after(error)
            repeated = True

    def read(self, model: type[ModelT], answer: httpx.Response | str) -> ModelT:
        """Return what an answer, or a part of one, tells.

        Raises:
            GatewayRefusedError: it is not what a gateway of this kind answers.
        """
        try:
            return model.model_validate_json(answer if isinstance(answer, str) else answer.content)
        except ValidationError as error:
            raise self._strange() from error

    def read_json(self, answer: httpx.Response) -> dict[str, Any]:
        """Return the JSON object that an answer is.

        Raises:
            GatewayRefusedError: it is something else.
        """
        try:
            found = answer.json()
        except ValueError as error:
            raise self._strange() from error
        if not isinstance(found, dict):
            raise self._strange()
        return found

    def _strange(self) -> GatewayRefusedError:
        message = f"gateway at {self.address.url}: expected the answer of a gateway, found something else"
        next_step = "Check that the URL is a Headroom gateway's, of the version of this client."
        return GatewayRefusedError(message, next_step=next_step)

    def _unreachable(self, error: Exception) -> GatewayUnavailableError:
        reason = str(error) or type(error).__name__
        message = f"gateway: expected one at {self.address.url}, found none that answers ({reason})"
        return GatewayUnavailableError(message, next_step="Check the URL and that the gateway runs.")


def _given(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters that have a value."""
    return {name: value for name, value in (parameters or {}).items() if value is not None}
