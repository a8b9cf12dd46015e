"""What the gateway asks analysis for, over HTTP: how results look, how two runs differ, what comes next."""

from __future__ import annotations

import asyncio
import json
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal

import httpx

from headroom_common.errors import PermanentError, TransientError
from headroom_gateway.errors import NoResultError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from headroom_gateway.storage.results import HotSet

HTML: Final = "text/html; charset=utf-8"
PARQUET: Final = "application/vnd.apache.parquet"

STEP_SECONDS: Final = 600.0
"""How long the next step of an experiment may take to be found: nobody waits for it."""

NO_TRIALS: Final = "urn:headroom:problem:no-trials"
"""What analysis says of a run whose trials it does not have; an older one finds no such path at all."""

_JSON: Final = {"content-type": "application/json"}
_AWAY: Final = "Try again later; everything but reports, tables and comparisons works without analysis."

Subject = Literal["", "experiments/"]
"""Of what a document tells: of a run, or of an experiment."""


class StepRefusedError(PermanentError):
    """Analysis cannot tell how an experiment goes on, and never will.

    Args:
        reason: why.
        field: path of the field at fault; None when it is none.

    Attributes:
        field: as given.
    """

    def __init__(self, reason: str, field: str | None) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Batch:
    """A run that an experiment wants.

    Attributes:
        name: within the experiment; equal names are equal runs.
        scenario: canonical.
        seed: of 64 bits.
        trials: how many.
    """

    name: str
    scenario: dict[str, Any]
    seed: int
    trials: int


@dataclass(frozen=True, slots=True)
class Step:
    """How an experiment goes on.

    Attributes:
        wanted: the runs that it wants next; none when it is done.
        document: what it found out; None while it is not done.
        points: points so far.
    """

    wanted: tuple[Batch, ...]
    document: dict[str, Any] | None
    points: int

    @classmethod
    def of(cls, answer: bytes) -> Step:
        """Return the step that analysis tells; takes a while for a large one.

        Raises:
            StepRefusedError: it tells something else.
        """
        try:
            told = json.loads(answer)
            wanted = tuple(
                Batch(str(one["name"]), dict(one["scenario"]), int(one["seed"]), int(one["trials"]))
                for one in told["wanted"]
            )
            step = cls(wanted, told["document"], int(told["progress"]["points"]))
        except (ValueError, LookupError, TypeError) as error:
            message = f"analysis: expected the next step of an experiment, found something else ({error!r})"
            raise StepRefusedError(message, None) from error
        if (step.document is None) != bool(step.wanted):
            message = "analysis: expected either runs that are wanted or a document, found neither or both"
            raise StepRefusedError(message, None)
        return step


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

    async def report(self, name: str, document: bytes, subject: Subject = "") -> bytes:
        """Return the report of a result as HTML.

        Args:
            name: the document's hash.
            document: the result.
            subject: what it is the result of.

        Raises:
            TransientError: analysis cannot be reached, or is busy.
        """
        return await self._drawn(f"{subject}reports", name, document)

    async def table(self, name: str, document: bytes, subject: Subject = "") -> bytes:
        """Return the figures and series of a result as Parquet; arguments and errors as of `report`."""
        return await self._drawn(f"{subject}tables", name, document)

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

    async def step(self, asked: Mapping[str, Any], runs: Mapping[str, UUID]) -> Step:
        """Return how an experiment goes on.

        Args:
            asked: the experiment, as JSON has it.
            runs: the runs that have completed, by the names of their batches.

        Raises:
            StepRefusedError: it cannot, for a point is not valid, or trials of a run are not kept.
            TransientError: analysis cannot be reached, or is busy.
        """
        named = {name: str(run_id) for name, run_id in runs.items()}
        body = await asyncio.to_thread(lambda: json.dumps({"experiment": asked, "runs": named}).encode())
        answer = await self._asked("POST", "/api/v1/experiments/steps", body, seconds=STEP_SECONDS)
        if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY or _kind(answer) == NO_TRIALS:
            raise StepRefusedError(*_fault(answer))
        return await asyncio.to_thread(Step.of, self._content(answer))

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

    async def _asked(
        self, method: str, path: str, body: bytes | None = None, *, seconds: float | None = None
    ) -> httpx.Response:
        headers = _JSON if body else None
        limit = httpx.USE_CLIENT_DEFAULT if seconds is None else seconds
        try:
            return await self._http.request(method, path, content=body, headers=headers, timeout=limit)
        except httpx.TransportError as error:
            message = f"analysis: expected an answer, found {type(error).__name__}"
            raise TransientError(message, next_step=_AWAY) from error

    def _content(self, answer: httpx.Response) -> bytes:
        if answer.is_success:
            return answer.content
        message = f"analysis: expected what it was asked for, found {answer.status_code} {_detail(answer)}"
        raise TransientError(message, next_step=_AWAY)


def _kind(answer: httpx.Response) -> str | None:
    """Return the kind of problem that an answer is, None when it is none."""
    try:
        return None if answer.is_success else str(answer.json()["type"])
    except (ValueError, LookupError, TypeError):
        return None


def _detail(answer: httpx.Response) -> str:
    """Return what a problem says of itself, in few words."""
    try:
        return str(answer.json()["detail"])[:200]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def _fault(answer: httpx.Response) -> tuple[str, str | None]:
    """Return why a problem is one, and the path of the field at fault if it is one's."""
    try:
        fault = answer.json()["errors"][0]
        return str(fault["message"]), str(fault["field"]) or None
    except (ValueError, LookupError, TypeError):
        return _detail(answer), None
