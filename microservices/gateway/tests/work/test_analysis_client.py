"""Asking analysis: what it draws is kept, and what is wrong with its answers is told."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from headroom_common.errors import TransientError
from headroom_gateway.analysis_client import AnalysisClient, Batch, Step, StepRefusedError
from headroom_gateway.errors import NoResultError
from headroom_gateway.storage.results import LocalHotSet

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[httpx.Request], httpx.Response]

PROBLEM = {"detail": "run 1: expected its trials, found none"}


def asking(answer: Answer, hot: LocalHotSet | None = None) -> AnalysisClient:
    """A client of an analysis that answers as a test says."""
    client = AnalysisClient("http://analysis", timeout=1.0, hot=hot or LocalHotSet())
    client._http = httpx.AsyncClient(base_url="http://analysis", transport=httpx.MockTransport(answer))
    return client


async def test_what_is_drawn_is_kept_apart_by_kind_and_document() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, request.content, request.headers["content-type"]))
        return httpx.Response(200, content=f"{request.url.path} {len(asked)}")

    hot = LocalHotSet()
    client = asking(answer, hot)
    for _ in range(2):
        assert await client.report("a", b"{}") == b"/api/v1/reports 1"
        assert await client.table("a", b"{}") == b"/api/v1/tables 2"
        assert await client.report("b", b"[]") == b"/api/v1/reports 3"
    assert asked == [
        ("/api/v1/reports", b"{}", "application/json"),
        ("/api/v1/tables", b"{}", "application/json"),
        ("/api/v1/reports", b"[]", "application/json"),
    ]
    asked.clear()
    assert await client.report("a", b"{}", "experiments/") == b"/api/v1/experiments/reports 1"
    assert await client.table("a", b"{}", "experiments/") == b"/api/v1/experiments/tables 2"
    assert zlib.decompress(await hot.get("reports:a") or b"") == b"/api/v1/reports 1"
    await client.close()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (httpx.Response(503, json={"detail": "too busy"}), "found 503 too busy"),
        (httpx.Response(500, content=b"<html>"), "found 500 Internal Server Error"),
        (httpx.Response(422, json=[]), "found 422 Unprocessable Entity"),
    ],
)
async def test_an_answer_that_is_none_is_a_passing_failure(answer: httpx.Response, found: str) -> None:
    hot = LocalHotSet()
    client = asking(lambda _: answer, hot)
    for call in (client.report("a", b"{}"), client.table("a", b"{}"), client.comparison(uuid4(), uuid4())):
        with pytest.raises(TransientError, match=found) as caught:
            await call
        assert caught.value.next_step
    assert await hot.get("reports:a") is None
    await client.close()


async def test_an_analysis_that_is_away_is_a_passing_failure() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        message = "nobody listens"
        raise httpx.ConnectError(message, request=request)

    client = asking(refuse)
    with pytest.raises(TransientError, match="analysis: expected an answer, found ConnectError"):
        await client.report("a", b"{}")
    await client.close()


@pytest.mark.parametrize("status", [404, 409])
async def test_runs_without_trials_cannot_be_compared(status: int) -> None:
    client = asking(lambda _: httpx.Response(status, json=PROBLEM))
    with pytest.raises(NoResultError, match="found run 1: expected its trials, found none") as caught:
        await client.comparison(uuid4(), uuid4())
    assert "Cache-Control: no-cache" in caught.value.next_step
    await client.close()


def step_of(**changes: Any) -> dict[str, Any]:
    """What analysis tells of a step that wants a run."""
    wanted = [{"name": "0/0", "scenario": {"kind": "Scenario"}, "seed": 2**64 - 1, "trials": 3}]
    return {"wanted": wanted, "document": None, "progress": {"points": 1, "trials": 0}} | changes


async def test_a_step_is_asked_for_with_the_runs_that_are_there() -> None:
    asked, run_id = [], uuid4()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json=step_of())

    client = asking(answer)
    step = await client.step({"trials": 3}, {"0/0": run_id})
    assert step == Step((Batch("0/0", {"kind": "Scenario"}, 2**64 - 1, 3),), None, 1)
    expected = {"experiment": {"trials": 3}, "runs": {"0/0": str(run_id)}}
    assert asked == [("/api/v1/experiments/steps", expected)]
    done = asking(lambda _: httpx.Response(200, json=step_of(wanted=[], document={"points": []})))
    assert (await done.step({}, {})).document == {"points": []}
    for one in (client, done):
        await one.close()


@pytest.mark.parametrize(
    ("answer", "reason", "field"),
    [
        (
            httpx.Response(
                422, json={"detail": "no", "errors": [{"field": "spec.warmup", "message": "too long"}]}
            ),
            "too long",
            "spec.warmup",
        ),
        (httpx.Response(422, json={"detail": "it knows no such kind"}), "it knows no such kind", None),
        (
            httpx.Response(404, json=PROBLEM | {"type": "urn:headroom:problem:no-trials"}),
            "run 1: expected its trials, found none",
            None,
        ),
        (httpx.Response(200, content=b"<html>"), "expected the next step of an experiment", None),
        (httpx.Response(200, json={"wanted": [{}]}), "expected the next step of an experiment", None),
        (httpx.Response(200, json=step_of(wanted=[])), "found neither or both", None),
        (httpx.Response(200, json=step_of(document={})), "found neither or both", None),
    ],
)
async def test_a_step_that_there_will_never_be_is_refused(
    answer: httpx.Response, reason: str, field: str | None
) -> None:
    client = asking(lambda _: answer)
    with pytest.raises(StepRefusedError, match=reason) as caught:
        await client.step({}, {})
    assert caught.value.field == field
    await client.close()


@pytest.mark.parametrize("status", [404, 405, 503])
async def test_an_analysis_that_takes_no_steps_now_may_do_so_later(status: int) -> None:
    """Among them one that is older than this gateway, while an update goes on."""
    client = asking(lambda _: httpx.Response(status, json={"detail": "Not Found"}))
    with pytest.raises(TransientError, match=f"found {status}"):
        await client.step({}, {})
    await client.close()
