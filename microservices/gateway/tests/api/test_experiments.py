"""Routes of experiments, without analysis and without the services that simulate."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from gateway_testing.asking import API, events, problem, stored
from gateway_testing.experiments import SWEEP
from gateway_testing.scenarios import SMALL

from headroom_gateway.domain.experiments import Advanced, Broken, Found, Wanted
from headroom_gateway.storage.experiments import NewDocument

if TYPE_CHECKING:
    import httpx
    from gateway_testing.storage import Storage

    from headroom_gateway.domain.experiments import ExperimentNews

DOCUMENT = NewDocument.of({"format": "headroom.experiment/v1", "kind": "sweep"})
FOUND = Found(2, DOCUMENT.hash)
PATH = f"{API}/experiments"


async def asked(
    client: httpx.AsyncClient, headers: dict[str, str] | None = None, **body: Any
) -> httpx.Response:
    """Ask for an experiment, a sweep unless another plan is given."""
    given = {"plan": SWEEP, **({} if "scenario_id" in body else {"scenario": SMALL}), **body}
    return await client.post(PATH, json=given, headers=headers)


async def made(client: httpx.AsyncClient, **body: Any) -> UUID:
    """Have an experiment accepted; return its id."""
    answer = await asked(client, **body)
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["id"])


async def told(storage: Storage, experiment_id: UUID, *news: ExperimentNews) -> None:
    """Let news change an experiment."""
    for one in news:
        document = DOCUMENT if one is FOUND else None
        await storage.experiments.note(experiment_id, one, storage.clock.now(), document)


async def test_an_experiment_is_accepted(client: httpx.AsyncClient) -> None:
    identity = await stored(client, SMALL)
    answer = await asked(client, scenario_id=identity, trials=3, seed=7, precision=0.05, warm_up="auto")
    experiment = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{PATH}/{experiment['id']}"
    assert (experiment["state"], experiment["kind"], experiment["scenario_id"]) == (
        "queued",
        "sweep",
        identity,
    )
    assert experiment["plan"] == {**SWEEP, "samples": None}
    assert (experiment["trials"], experiment["seed"], experiment["precision"]) == (3, 7, 0.05)
    assert experiment["progress"]["runs"] == 0
    again = await client.get(answer.headers["location"])
    assert again.json() == experiment
    known = await client.get(answer.headers["location"], headers={"If-None-Match": again.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("plan", "shown"),
    [
        ({"kind": "replicate"}, {"kind": "replicate"}),
        (
            {
                "kind": "capacity",
                "vary": "spec.workloads[0].rate=10/s..90/s",
                "objectives": ["latency.p99 below 1s"],
            },
            {"find": None, "tolerance": 0.01},
        ),
        ({"kind": "compare", "other": SMALL.replace("cores: 1", "cores: 2")}, {"kind": "compare"}),
        (
            {
                "kind": "sensitivity",
                "vary": ["spec.servers[0].cores=1..4", "spec.workloads[0].rate=10/s..20/s"],
                "metric": "latency.mean",
            },
            {"method": "morris", "metric": "latency.mean"},
        ),
    ],
)
async def test_every_kind_is_taken(
    client: httpx.AsyncClient, plan: dict[str, Any], shown: dict[str, Any]
) -> None:
    experiment = (await asked(client, plan=plan)).json()
    assert experiment["kind"] == plan["kind"]
    assert experiment["plan"].items() >= shown.items()
    assert "other" not in experiment["plan"]
    counts = [sample for sample in (await client.get("/metrics")).text.splitlines() if plan["kind"] in sample]
    assert f'headroom_experiments_accepted_total{{kind="{plan["kind"]}"}} 1.0' in counts


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"plan": {"kind": "guess"}}, "body.plan"),
        ({"plan": {**SWEEP, "varied": []}}, "body.plan.sweep.varied"),
        ({"plan": {"kind": "sweep", "vary": []}}, "body.plan.sweep.vary"),
        ({"plan": {"kind": "sweep", "vary": ["spec.horizon"]}}, "body.plan.sweep.vary.0"),
        ({"plan": {"kind": "compare"}}, "body.plan.compare.other"),
        ({"trials": 0}, "body.trials"),
        ({"trials": "3"}, "body.trials"),
        ({"seed": 2**63}, "body.seed"),
        ({"seed": -1}, "body.seed"),
        ({"confidence": 1.0}, "body.confidence"),
        ({"precision": 0}, "body.precision"),
        ({"precision": 0.1, "trials": 300}, "body"),
        ({"warm_up": "later"}, "body.warm_up"),
        ({"scenario_id": "x" * 64}, "body.scenario_id"),
        ({"scenario_id": "0" * 64, "scenario": SMALL}, "body"),
    ],
)
async def test_what_is_not_valid_is_refused_by_its_field(
    client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    found = problem(await asked(client, **body), 422)
    assert [fault["field"] for fault in found["errors"]] == [field]
    assert (await client.get(PATH)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field", "override"),
    [
        ({"scenario": SMALL.replace("cores: 1", "cores: none")}, "spec.servers[0].cores", None),
        ({"overrides": ["spec.horizon=-1s"]}, "spec.horizon", "spec.horizon=-1s"),
        (
            {"plan": {**SWEEP, "vary": ["spec.servers[0].cores=0..2"]}},
            "spec.servers[0].cores",
            "spec.servers[0].cores=0",
        ),
        (
            {"plan": {**SWEEP, "vary": ["spec.servers[7].cores=1..2"]}},
            "spec.servers",
            "spec.servers[7].cores=1",
        ),
        (
            {
                "plan": {
                    "kind": "capacity",
                    "vary": "spec.servers[0].cores=0..4",
                    "objectives": ["latency.p99 below 1s"],
                }
            },
            "spec.servers[0].cores",
            "spec.servers[0].cores=0",
        ),
        ({"plan": {"kind": "capacity", "vary": "spec.workloads[0].rate"}}, "plan.objectives", None),
        ({"plan": {"kind": "compare", "other": {"spec": {}}}}, "plan.other.apiVersion", None),
        ({"plan": {"kind": "compare", "other": "no scenario"}}, "plan.other", None),
    ],
)
async def test_scenarios_are_checked_with_the_values_put_in(
    client: httpx.AsyncClient, body: dict[str, Any], field: str, override: str | None
) -> None:
    found = problem(await asked(client, **body), 422, "invalid-scenario")
    fault = found["errors"][0]
    assert (fault["field"], fault.get("override")) == (field, override)
    assert "expected" in fault["message"]
    assert (await client.get(PATH)).json()["items"] == []


async def test_a_matrix_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    plan = {"kind": "sweep", "vary": ["spec.servers[0].cores=1..200", "spec.workloads[0].rate=1/s..9/s:100"]}
    found = problem(await asked(client, plan=plan), 422, "invalid-scenario")
    assert "20,000" in found["errors"][0]["message"]


async def test_a_scenario_that_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    problem(await asked(client, scenario_id="0" * 64), 404, "not-found")


async def test_a_request_that_comes_twice_is_one_experiment(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "a-key"}
    first = await asked(client, key, trials=3)
    again = await asked(client, key, trials=3)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    problem(await asked(client, key, trials=4), 422, "idempotency-key-reused")
    run = await client.post(f"{API}/runs", json={"scenario": SMALL}, headers=key)
    problem(run, 422, "idempotency-key-reused")


async def test_quotas_hold(opened: Any) -> None:
    async with opened(most_active_experiments=2, most_active_runs=3, most_requests=400) as client:
        problem(await asked(client, trials=11), 422, "run-too-large")
        for _ in range(2):
            await made(client)
        answer = await asked(client)
        problem(answer, 429, "too-many-runs")
        assert answer.headers["retry-after"]
        run = await client.post(f"{API}/runs", json={"scenario": SMALL})
        assert run.status_code == 202
        problem(await client.post(f"{API}/runs", json={"scenario": SMALL}), 429, "too-many-runs")
    async with opened(most_active_runs=3) as client:
        problem(await asked(client), 429, "too-many-runs")


async def test_experiments_are_listed_with_filters_and_links(
    client: httpx.AsyncClient, sqlite: Storage
) -> None:
    sweeps = [await made(client, seed=seed) for seed in range(4)]
    other = await made(client, plan={"kind": "replicate"})
    await told(sqlite, sweeps[0], Broken("it broke"))
    url, seen = f"{PATH}?kind=sweep&state=queued&limit=2", []
    while url:
        answer = await client.get(url)
        seen += [UUID(one["id"]) for one in answer.json()["items"]]
        url = answer.links["next"]["url"] if "next" in answer.links else ""
    assert seen == sweeps[:0:-1]
    first = (await client.get(f"{PATH}/{sweeps[0]}")).json()
    by = {"created_by": first["created_by"], "scenario_id": first["scenario_id"]}
    assert len((await client.get(PATH, params=by)).json()["items"]) == 5
    later = {"created_after": (await client.get(f"{PATH}/{sweeps[3]}")).json()["created_at"]}
    assert [one["id"] for one in (await client.get(PATH, params=later)).json()["items"]] == [str(other)]
    for wrong in ("state=lost", "kind=x", "scenario_id=x", "created_after=2026-01-01T00:00:00", "limit=201"):
        problem(await client.get(f"{PATH}?{wrong}"), 422)
    problem(await client.get(f"{PATH}?cursor=x"), 400, "invalid-cursor")


async def test_results_are_the_bytes_that_were_published(client: httpx.AsyncClient, sqlite: Storage) -> None:
    experiment = await made(client)
    for kind in ("results", "report"):
        problem(await client.get(f"{PATH}/{experiment}/{kind}"), 409, "no-result")
        problem(await client.get(f"{PATH}/{uuid4()}/{kind}"), 404, "not-found")
    await told(sqlite, experiment, Wanted(2, 2, 6), FOUND)
    answer = await client.get(f"{PATH}/{experiment}/results")
    assert answer.json() == {"format": "headroom.experiment/v1", "kind": "sweep"}
    assert (answer.headers["content-type"], answer.headers["vary"]) == ("application/json", "Accept")
    assert answer.headers["etag"] == f'"{DOCUMENT.hash}"'
    problem(
        await client.get(f"{PATH}/{experiment}/results", headers={"Accept": "text/html"}),
        406,
        "not-acceptable",
    )
    shown = (await client.get(f"{PATH}/{experiment}")).json()
    assert shown["result"] == {"hash": DOCUMENT.hash, "size": len(answer.content)}
    ended = 'headroom_experiments_ended_total{kind="sweep",state="completed"}'
    assert f"{ended} 0.0" in (await client.get("/metrics")).text, "by the instance that ended it"


async def test_an_experiment_is_cancelled_and_deleted(client: httpx.AsyncClient, sqlite: Storage) -> None:
    waiting, running, failed = [await made(client) for _ in range(3)]
    problem(await client.delete(f"{PATH}/{waiting}"), 409, "wrong-state")
    answer = await client.post(f"{PATH}/{waiting}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert (await client.post(f"{PATH}/{waiting}/cancel")).status_code == 200
    await told(sqlite, running, Wanted(1, 1, 3))
    answer = await client.post(f"{PATH}/{running}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelling")
    await told(sqlite, failed, Broken("it broke"))
    problem(await client.post(f"{PATH}/{failed}/cancel"), 409, "wrong-state")
    assert (await client.delete(f"{PATH}/{failed}")).status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/events")):
        problem(await client.request(method, f"{PATH}/{failed}{path}"), 404, "not-found")


async def test_runs_of_an_experiment_are_not_ended_alone(client: httpx.AsyncClient, sqlite: Storage) -> None:
    experiment = await made(client)
    run = await sqlite.accept(experiment_id=experiment, batch="0/0")
    alone = await sqlite.accept(at=sqlite.clock.now() + timedelta(seconds=1))
    assert [one["id"] for one in (await client.get(f"{API}/runs")).json()["items"]] == [str(alone.id)]
    mine = (await client.get(f"{API}/runs?experiment_id={experiment}")).json()["items"]
    assert [(one["id"], one["experiment_id"], one["batch"]) for one in mine] == [
        (str(run.id), str(experiment), "0/0")
    ]
    for answer in (
        await client.post(f"{API}/runs/{run.id}/cancel"),
        await client.delete(f"{API}/runs/{run.id}"),
    ):
        assert str(experiment) in problem(answer, 409, "wrong-state")["detail"]
    problem(await client.delete(f"{API}/scenarios/{run.scenario_id}"), 409, "wrong-state")


async def test_the_end_of_an_experiment_is_told_once(client: httpx.AsyncClient, sqlite: Storage) -> None:
    experiment = await made(client)
    await told(sqlite, experiment, Wanted(1, 1, 3), Advanced(0, 1, 40), Advanced(1, 3, 120), FOUND)
    sequence = (await client.get(f"{PATH}/{experiment}")).json()["sequence"]
    path = f"{PATH}/{experiment}/events"
    assert (await client.get(path, headers={"Last-Event-ID": str(sequence)})).status_code == 204
    kinds = [(one.kind, one.sequence) for one in await sqlite.experiments.news(experiment, 0)]
    assert kinds == [("state", 1), ("state", 2), ("progress", 4), ("state", 5)]
    assert events("") == []


async def test_a_database_in_trouble_is_told(client: httpx.AsyncClient, sqlite: Storage) -> None:
    experiment = await made(client)
    async with sqlite.without("experiments"):
        for answer in (await client.get(f"{PATH}/{experiment}"), await asked(client)):
            problem(answer, 503)
    assert (await client.get(f"{PATH}/{experiment}")).status_code == 200


async def test_analysis_that_does_not_answer_is_told(opened: Any, sqlite: Storage) -> None:
    async with opened(analysis_url="http://127.0.0.1:9") as client:
        experiment = await made(client)
        await told(sqlite, experiment, Wanted(1, 1, 3), FOUND)
        for path, accept in (("results", "application/vnd.apache.parquet"), ("report", "*/*")):
            answer = await client.get(f"{PATH}/{experiment}/{path}", headers={"Accept": accept})
            problem(answer, 503)
