"""What the gateway asks analysis for, over HTTP: how results look, and how two runs differ."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx

from headroom_common.errors import TransientError
from headroom_gateway.errors import NoResultError

if TYPE_CHECKING:
    from uuid import UUID

    from headroom_gateway.storage.results import HotSet

HTML: Final = "text/html; charset=utf-8"
PARQUET: Final = "application/vnd.apache.parquet"

_JSON: Final = {"content-type": "application/json"}
_AWAY: Final = "Try again later; everything but reports, tables and comparisons works without analysis."


class AnalysisClient:
    """Asks analysis; what it draws is kept, for equal documents look alike.

    Args:
        url: where analysis answers.
        timeout: seconds that an answer may take.
        hot: keeps what was drawn.
    """

    def __init__(self, url: str, *, timeout: float, hot: HotSet) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=False)
        self._hot = hot

    async def report(self, name: str, document: bytes) -> bytes:
        """Return the report of a result as HTML.

        Args:
            name: the document's hash.
            document: the result.

        Raises:
            TransientError: analysis cannot be reached, or is busy.
        """
        return await self._drawn("reports", name, document)

    async def table(self, name: str, document: bytes) -> bytes:
        """Return the figures and series of a result as Parquet; arguments and errors as of `report`."""
        return await self._drawn("tables", name, document)

    async def comparison(self, run_id: UUID, other: UUID) -> bytes:
        """Return how two runs differ, as JSON.

        Raises:
            NoResultError: analysis does not have the trials of one of them.
            TransientError: analysis cannot be reached, or is busy.
        """
        answer = await self._asked("GET", f"/api/v1/runs/{run_id}/comparison/{other}")
        if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
            message = f"comparison: expected two runs whose trials are kept, found {_detail(answer)}"
            next_step = "Have them simulated again: clone them with Cache-Control: no-cache."
            raise NoResultError(message, next_step=next_step)
        return self._content(answer)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _drawn(self, kind: str, name: str, document: bytes) -> bytes:
        key = f"{kind}:{name}"
        kept = await self._hot.get(key)
        if kept is not None:
            return zlib.decompress(kept)
        drawn = self._content(await self._asked("POST", f"/api/v1/{kind}", document))
        await self._hot.put(key, zlib.compress(drawn))
        return drawn

    async def _asked(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        try:
            return await self._http.request(method, path, content=body, headers=_JSON if body else None)
        except httpx.TransportError as error:
            message = f"analysis: expected an answer, found {type(error).__name__}"
            raise TransientError(message, next_step=_AWAY) from error

    def _content(self, answer: httpx.Response) -> bytes:
        if answer.is_success:
            return answer.content
        message = f"analysis: expected what it was asked for, found {answer.status_code} {_detail(answer)}"
        raise TransientError(message, next_step=_AWAY)


def _detail(answer: httpx.Response) -> str:
    """Return what a problem says of itself, in few words."""
    try:
        return str(answer.json()["detail"])[:200]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
