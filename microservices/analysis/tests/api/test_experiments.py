"""Steps of experiments asked for over HTTP, from trials in each kind of store; their reports and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from analysis_testing.adding import Run
from analysis_testing.labs import SHOP
from analysis_testing.runs import run_parameters

from headroom_analysis.api.experiments import experiments
from headroom_analysis.api.turns import Turns
from headroom_analysis.experiments import advance
from headroom_analysis.report.experiments import parquet, render_html
from headroom_analysis.storage import open_store
from headroom_analysis.store import MemoryStore
from headroom_common.experiments.model import Experiment
from headroom_common.service import problems

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from headroom_analysis.store import PartialStore

TRIALS = 3
ASKED: dict[str, Any] = {
    "scenario": run_parameters().scenario,
    "plan": {"kind": "replicate"},
    "seed": 7,  # as of the runs that the tests add
    "trials": TRIALS,
}
STEPS = "/experiments/steps"


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[PartialStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with open_store(new_database(request.param)) as kept:
        yield kept


@pytest.fixture
async def asking(store: PartialStore) -> AsyncIterator[httpx.AsyncClient]:
    app, stepping, drawing = problems.Api(), Turns("stepping", waiting=1), Turns("rendering")
    problems.install(app)
    app.include_router(experiments(store, stepping, drawing))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://analysis") as client:
        yield client
    stepping.close()
    drawing.close()


def finished(store: PartialStore) -> str:
    """Add a finished run of what is asked; return its id."""
    run = Run(TRIALS)
    for trial in range(TRIALS):
        run.add(store, (trial, 0, 0), trial, segments=1)
    return str(run.parameters.run_id)


def document(store: PartialStore) -> dict[str, Any]:
    """Return what an experiment finds out, from trials that are added."""
    run = Run(TRIALS)
    for trial in range(TRIALS):
        run.add(store, (trial, 0, 0), trial, segments=1)
    kept = store.trials(run.parameters.run_id)
    assert kept is not None
    found = advance(Experiment.model_validate(ASKED), {"0/0": kept}).document
    assert found is not None
    return found


async def test_a_step_wants_runs_and_then_is_the_last(asking: httpx.AsyncClient, store: PartialStore) -> None:
    first = await asking.post(STEPS, json={"experiment": ASKED, "runs": {}})
    assert first.status_code == 200, first.text
    assert first.json() == {
        "wanted": [{"name": "0/0", "scenario": ASKED["scenario"], "seed": 7, "trials": TRIALS}],
        "document": None,
        "progress": {"points": 1, "trials": 0},
    }
    last = await asking.post(STEPS, json={"experiment": ASKED, "runs": {"0/0": finished(store)}})
    assert last.json()["wanted"] == []
    assert last.json()["progress"] == {"points": 1, "trials": TRIALS}
    assert last.json()["document"] == document(store)


async def test_what_is_wanted_has_seeds_of_64_bits(asking: httpx.AsyncClient) -> None:
    plan = {"kind": "sweep", "vary": ["spec.servers[0].cores=1,2"]}
    asked = ASKED | {"scenario": SHOP, "seed": 2**63 - 1, "plan": plan}
    wanted = (await asking.post(STEPS, json={"experiment": asked})).json()["wanted"]
    assert [one["seed"] for one in wanted] == [2**63 - 1] * 2
    assert [one["scenario"]["spec"]["servers"][0]["cores"] for one in wanted] == [1, 2]


async def test_trials_that_are_not_kept_are_not_found(asking: httpx.AsyncClient, store: PartialStore) -> None:
    begun = Run(2)
    begun.add(store, (0, 0, 0))
    for missing in (begun.parameters.run_id, uuid4()):
        answer = await asking.post(STEPS, json={"experiment": ASKED, "runs": {"0/0": str(missing)}})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:headroom:problem:no-trials")
        assert f"run {missing}: expected a finished run" in answer.json()["detail"]


async def test_a_point_that_is_not_valid_is_named(asking: httpx.AsyncClient) -> None:
    plan = {"kind": "sweep", "vary": ["spec.horizon=1s,20s", "spec.warmup=0s,1s"]}
    answer = await asking.post(STEPS, json={"experiment": ASKED | {"scenario": SHOP, "plan": plan}})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (fault,) = answer.json()["errors"]
    assert fault["field"] == "spec.warmup"
    assert "expected" in fault["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "experiment"),
        ({"experiment": ASKED | {"trials": 0}}, "experiment.trials"),
        ({"experiment": ASKED, "runs": {"0/0": "x"}}, "runs.0/0"),
        ({"experiment": ASKED, "steps": 1}, "steps"),
    ],
)
async def test_what_is_not_valid_is_refused_by_its_field(
    asking: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await asking.post(STEPS, json=body)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


async def test_bodies_are_json_objects(asking: httpx.AsyncClient) -> None:
    for path in (STEPS, "/experiments/reports", "/experiments/tables"):
        for content in (b"", b"[]", b"{", b'{"experiment": NaN}'):
            answer = await asking.post(path, content=content, headers={"content-type": "application/json"})
            assert answer.status_code == 422
            assert "expected" in answer.json()["detail"] or answer.json()["errors"]
        assert (await asking.post(path, content=b"{}")).status_code == 415


async def test_more_requests_than_there_are_places_are_put_off() -> None:
    app, turns = problems.Api(), Turns("stepping", waiting=0)
    problems.install(app)
    app.include_router(experiments(MemoryStore(), turns, turns))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://analysis") as client:
        with turns.place():
            answer = await client.post(STEPS, json={"experiment": ASKED})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert (await client.post(STEPS, json={"experiment": ASKED})).status_code == 200
    turns.close()


async def test_report_and_table_are_those_of_one_process(
    asking: httpx.AsyncClient, store: PartialStore
) -> None:
    found = document(store)
    report = await asking.post("/experiments/reports", json=found)
    assert report.status_code == 200, report.text
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert report.content == render_html(found).encode()
    table = await asking.post("/experiments/tables", json=found)
    assert table.headers["content-type"] == "application/vnd.apache.parquet"
    assert table.content == parquet(found)
    wrong = await asking.post("/experiments/reports", json=found | {"format": "headroom.result/v1"})
    assert wrong.json()["detail"] == "format: expected headroom.experiment/v1, found headroom.result/v1"
