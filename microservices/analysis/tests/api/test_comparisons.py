"""Comparisons asked for over HTTP, of runs in memory and in databases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from analysis_testing.adding import Run
from fastapi import FastAPI

from headroom_analysis.api.comparisons import comparisons
from headroom_analysis.api.turns import Turns
from headroom_analysis.storage import SqlStore, open_store
from headroom_analysis.storage.blobs import decode_summary, encode_summary
from headroom_analysis.storage.engine import transaction
from headroom_analysis.storage.schema import trials
from headroom_analysis.store import MemoryStore, PartialStore
from headroom_common.service import problems

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[PartialStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with open_store(new_database(request.param)) as kept:
        yield kept


@pytest.fixture
async def asking(store: PartialStore) -> AsyncIterator[httpx.AsyncClient]:
    app, turns = problems.Api(), Turns("comparing")
    problems.install(app)
    app.include_router(comparisons(store, turns))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://analysis") as client:
        yield client
    turns.close()


def finished(store: PartialStore, count: int, first: int = 0) -> Run:
    run = Run(count)
    for trial in range(count):
        run.add(store, (trial, 0, 0), first + trial, segments=1)
    return run


def path(one: Run, other: Run) -> str:
    return f"/runs/{one.parameters.run_id}/comparison/{other.parameters.run_id}"


async def test_two_finished_runs_are_compared(asking: httpx.AsyncClient, store: PartialStore) -> None:
    one, other = finished(store, 3), finished(store, 2, first=5)
    answer = await asking.get(path(one, other))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["format"] == "headroom.comparison/v1"
    assert document["a"]["run_id"] == str(one.parameters.run_id)
    assert (document["a"]["trials"], document["b"]["trials"], document["pairs"]) == (3, 2, 2)
    assert document["a"]["verdict"] in ("pass", "miss")
    assert document["metrics"]
    again = await asking.get(path(one, other))
    assert again.content == answer.content


async def test_every_store_compares_alike(new_database: Callable[[str], str]) -> None:
    found = set()
    for kind in ("memory", "sqlite", "postgresql"):
        kept = MemoryStore() if kind == "memory" else open_store(new_database(kind))
        runs = [Run(2, name) for name in ("one", "other")]
        for at, run in enumerate(runs):
            for trial in range(2):
                run.add(kept, (trial, 0, 0), 3 * at + trial, segments=1)
        app, turns = FastAPI(), Turns("comparing")
        app.include_router(comparisons(kept, turns))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a") as client:
            found.add((await client.get(path(*runs))).content)
        turns.close()
        if not isinstance(kept, MemoryStore):
            kept.close()
    assert len(found) == 1


async def test_a_run_without_trials_is_not_found(asking: httpx.AsyncClient, store: PartialStore) -> None:
    there, begun, stopped = finished(store, 1), Run(2), Run(2)
    begun.add(store, (0, 0, 0))
    stopped.add(store, (0, 0, 0), segments=1)
    store.stop(stopped.parameters.run_id)
    for missing in (begun, stopped, Run(1)):
        for pair in ((there, missing), (missing, there)):
            answer = await asking.get(path(*pair))
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
            assert f"run {missing.parameters.run_id}: expected a finished run" in answer.json()["detail"]


async def test_an_id_is_a_uuid(asking: httpx.AsyncClient) -> None:
    answer = await asking.get(f"/runs/{uuid4()}/comparison/latest")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_trials_of_another_version_conflict(asking: httpx.AsyncClient, store: PartialStore) -> None:
    if not isinstance(store, SqlStore):
        return  # what is in memory is of this version
    run = finished(store, 1)
    with transaction(store._engine) as connection:
        own = trials.c.run_id == run.parameters.run_id
        blob = connection.execute(trials.select().with_only_columns(trials.c.summary).where(own)).scalar_one()
        summary = decode_summary(blob)
        short = type(summary)(summary.trial, summary.requests, summary.row[:-1], 0.0)
        connection.execute(trials.update().where(own).values(summary=encode_summary(short)))
    answer = await asking.get(path(run, run))
    assert answer.status_code == 409
    assert "analysed by another version" in answer.json()["detail"]
    assert json.dumps(answer.json())
