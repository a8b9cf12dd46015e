"""Routes of runs, without the services that simulate: their news are told to the database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from gateway_testing.asking import API, asked, problem, stored
from gateway_testing.scenarios import SMALL, result

from headroom_gateway.domain.lives import CancelAsked, Completed, Failed, Progressed, Started, Stopped
from headroom_gateway.submission import ENGINE_VERSION

if TYPE_CHECKING:
    import httpx
    from gateway_testing.storage import Storage

    from headroom_gateway.representations import Run


async def completed(storage: Storage, run_id: UUID) -> str:
    """Have a run completed; return the hash of its result."""
    run = await storage.runs.get(run_id)
    kept = await storage.keep(result(run.trials, seed=run.seed) | {"engine_version": ENGINE_VERSION}, run)
    await storage.tell(run.id, Started(), Completed(kept.hash))
    return kept.hash


async def test_a_run_is_accepted(client: httpx.AsyncClient, sqlite: Storage) -> None:
    identity = await stored(client, SMALL)
    answer = await asked(client, scenario_id=identity, trials=3, seed=7)
    run = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{API}/runs/{run['id']}"
    assert answer.headers["cache-status"] == "headroom; fwd=miss"
    assert "idempotency-replayed" not in answer.headers
    assert (run["state"], run["trials"], run["seed"], run["scenario_id"]) == ("queued", 3, 7, identity)
    assert (await client.get(answer.headers["location"])).json() == run
    assert run["created_by"]
    assert await sqlite.waiting() == []


async def test_an_equal_run_is_answered_at_once(client: httpx.AsyncClient, sqlite: Storage) -> None:
    first = (await asked(client, scenario=SMALL, trials=3)).json()
    name = await completed(sqlite, UUID(first["id"]))
    answer = await asked(client, scenario=SMALL, trials=3)
    run = answer.json()
    assert (answer.status_code, answer.headers["cache-status"]) == (201, "headroom; hit")
    assert (run["state"], run["result"]["hash"], run["result"]["cached"]) == ("completed", name, True)
    for header in ("no-cache", "max-age=0, No-Cache"):
        forced = await asked(client, {"Cache-Control": header}, scenario=SMALL, trials=3)
        assert (forced.status_code, forced.headers["cache-status"]) == (202, "headroom; fwd=request")
    clone = await client.post(f"{API}/runs/{first['id']}/clone", json={})
    assert (clone.status_code, clone.headers["cache-status"]) == (201, "headroom; hit")
    assert clone.json()["clone_of"] == first["id"]


async def test_a_request_that_comes_twice_is_one_run(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "a-key"}
    first = await asked(client, key, scenario=SMALL, trials=3)
    again = await asked(client, key, scenario=SMALL, trials=3)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    problem(await asked(client, key, scenario=SMALL, trials=4), 422, "idempotency-key-reused")
    for bad in ("", "a key", "k" * 256):
        problem(await asked(client, {"Idempotency-Key": bad}, scenario=SMALL), 422)


async def test_a_clone_changes_what_is_given(client: httpx.AsyncClient) -> None:
    first = (await asked(client, scenario=SMALL, trials=3, seed=9)).json()
    path = f"{API}/runs/{first['id']}/clone"
    changes = {"trials": 5, "overrides": ["spec.horizon=1s"]}
    run = (await client.post(path, json=changes)).json()
    assert (run["trials"], run["seed"], run["clone_of"]) == (5, 9, first["id"])
    document = (await client.get(f"{API}/scenarios/{run['scenario_id']}")).json()["document"]
    assert document["spec"]["horizon"] == "1s"
    key = {"Idempotency-Key": "clone"}
    one, two = [(await client.post(path, json={}, headers=key)) for _ in range(2)]
    assert (one.json()["id"], two.headers["idempotency-replayed"]) == (two.json()["id"], "true")
    wrong = await client.post(path, json={"overrides": ["spec.horizon=never"]})
    assert problem(wrong, 422, "invalid-scenario")["errors"][0]["field"] == "spec.horizon"
    problem(await client.post(f"{API}/runs/{uuid4()}/clone", json={}), 404, "not-found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scenario": SMALL, "scenario_id": "0" * 64},
        {"scenario": SMALL, "trials": 0},
        {"scenario": SMALL, "trials": "3"},
        {"scenario": SMALL, "trials": 1_000_001},
        {"scenario": SMALL, "seed": -1},
        {"scenario": SMALL, "seed": 2**63},
        {"scenario": SMALL, "confidence": 1.0},
        {"scenario": SMALL, "confidence": "NaN"},
        {"scenario": SMALL, "color": "red"},
        {"scenario": 7},
        {"scenario_id": "x"},
        [],
    ],
)
async def test_a_request_that_is_not_valid_names_the_fields(client: httpx.AsyncClient, body: Any) -> None:
    answer = await client.post(f"{API}/runs", json=body)
    assert problem(answer, 422)["errors"][0]["field"].startswith("body")


async def test_problems_of_the_scenario_come_with_their_places(client: httpx.AsyncClient) -> None:
    answer = await asked(client, scenario=SMALL.replace("rate:", "rat:"))
    (fault, *_) = problem(answer, 422, "invalid-scenario")["errors"]
    assert (fault["line"], fault["field"]) == (7, "spec.workloads[0].arrivals.rat")
    problem(await asked(client, scenario_id="0" * 64), 404, "not-found")


async def test_quotas_are_told(opened: Any) -> None:
    async with opened(most_active_runs=1, most_requests=130) as client:
        large = problem(await asked(client, scenario=SMALL, trials=4), 422, "run-too-large")
        assert "at most 130 simulated requests, found about 160" in large["detail"]
        assert (await asked(client, scenario=SMALL, trials=3)).status_code == 202
        answer = await asked(client, scenario=SMALL, trials=2)
        problem(answer, 429, "too-many-runs")
        assert int(answer.headers["retry-after"]) > 0


async def test_the_entity_tag_of_a_run_changes_with_its_news(
    client: httpx.AsyncClient, sqlite: Storage
) -> None:
    run = await sqlite.accept()
    path = f"{API}/runs/{run.id}"
    tag = (await client.get(path)).headers["etag"]
    assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 304
    await sqlite.tell(run.id, Started(), Progressed(1, 40, 2.0, "trial 0"))
    answer = await client.get(path, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag
    assert answer.json()["progress"] == {
        "trials_done": 1,
        "trials": 3,
        "requests": 40,
        "simulated": 2.0,
        "total": 6.0,
    }


async def test_a_run_is_cancelled(client: httpx.AsyncClient, sqlite: Storage) -> None:
    waiting, running, done = await sqlite.accept(), await sqlite.running(), await sqlite.running()
    await completed(sqlite, done.id)

    async def cancel(run: Run) -> httpx.Response:
        return await client.post(f"{API}/runs/{run.id}/cancel")

    answer = await cancel(waiting)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    for _ in range(2):
        answer = await cancel(running)
        assert (answer.status_code, answer.json()["state"]) == (202, "cancelling")
    await sqlite.tell(running.id, Stopped(0, None))
    answer = await cancel(running)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert "found it completed" in problem(await cancel(done), 409, "wrong-state")["detail"]
    problem(await client.post(f"{API}/runs/{uuid4()}/cancel"), 404, "not-found")


async def test_a_run_is_deleted_when_it_has_ended(client: httpx.AsyncClient, sqlite: Storage) -> None:
    run = await sqlite.running()
    path = f"{API}/runs/{run.id}"
    problem(await client.delete(path), 409, "wrong-state")
    await sqlite.tell(run.id, CancelAsked())
    problem(await client.delete(path), 409, "wrong-state")
    await sqlite.tell(run.id, Stopped(0, None))
    assert (await client.delete(path)).status_code == 204
    for method in ("GET", "DELETE"):
        problem(await client.request(method, path), 404, "not-found")


async def test_runs_are_listed_with_filters_and_links(client: httpx.AsyncClient, sqlite: Storage) -> None:
    now = sqlite.clock.now()
    made = [await sqlite.accept(at=now + timedelta(seconds=n // 2)) for n in range(5)]
    await sqlite.tell(made[0].id, CancelAsked())
    expected = [
        str(run.id) for run in sorted(made[1:], key=lambda run: (run.created_at, run.id), reverse=True)
    ]
    url, seen = f"{API}/runs?state=queued&limit=3", []
    while url:
        answer = await client.get(url)
        seen += [run["id"] for run in answer.json()["items"]]
        url = answer.links["next"]["url"] if "next" in answer.links else ""
        assert "state=queued" in url or not url
    assert seen == expected
    between = {
        "created_after": now.isoformat(),
        "created_before": (now + timedelta(seconds=2)).isoformat(),
        "scenario_id": made[0].scenario_id,
        "created_by": made[0].created_by,
    }
    found = (await client.get(f"{API}/runs", params=between)).json()
    assert {run["id"] for run in found["items"]} == {str(run.id) for run in made[2:4]}
    assert found["next_cursor"] is None
    for wrong in ("state=lost", "scenario_id=x", "created_after=2026-01-01T00:00:00", "limit=201"):
        problem(await client.get(f"{API}/runs?{wrong}"), 422)


async def test_without_a_result_there_is_none_to_be_had(client: httpx.AsyncClient, sqlite: Storage) -> None:
    active, failed = await sqlite.running(), await sqlite.running()
    await sqlite.tell(failed.id, Failed("it broke", None))
    for kind in ("results", "summary", "report", f"compare/{failed.id}"):
        for run in (active, failed):
            problem(await client.get(f"{API}/runs/{run.id}/{kind}"), 409, "no-result")
        problem(await client.get(f"{API}/runs/{uuid4()}/{kind}"), 404, "not-found")


async def test_results_are_the_bytes_that_were_published(client: httpx.AsyncClient, sqlite: Storage) -> None:
    run = await sqlite.running()
    name = await completed(sqlite, run.id)
    path = f"{API}/runs/{run.id}/results"
    answer = await client.get(path)
    assert answer.content == await sqlite.results.document(name)
    assert (answer.headers["content-type"], answer.headers["vary"]) == ("application/json", "Accept")
    again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    problem(await client.get(path, headers={"Accept": "text/html"}), 406, "not-acceptable")


async def test_analysis_that_does_not_answer_is_told(opened: Any, sqlite: Storage) -> None:
    run = await sqlite.running()
    await completed(sqlite, run.id)
    async with opened(analysis_url="http://127.0.0.1:9") as client:
        for path, accept in (
            ("results", "application/vnd.apache.parquet"),
            ("report", "*/*"),
            (f"compare/{run.id}", "*/*"),
        ):
            answer = await client.get(f"{API}/runs/{run.id}/{path}", headers={"Accept": accept})
            assert "127.0.0.1" not in problem(answer, 503)["detail"]
            assert answer.headers["retry-after"]


async def test_the_end_of_a_run_is_told_once(client: httpx.AsyncClient, sqlite: Storage) -> None:
    run = await sqlite.running()
    await sqlite.tell(run.id, Failed("it broke", None))
    path = f"{API}/runs/{run.id}/events"
    assert (await client.get(path, headers={"Last-Event-ID": "3"})).status_code == 204
    for wrong in ("x", "-1", str(2**31)):
        problem(await client.get(path, headers={"Last-Event-ID": wrong}), 422)
    problem(await client.get(f"{API}/runs/{uuid4()}/events"), 404, "not-found")


async def test_a_database_in_trouble_is_told(client: httpx.AsyncClient, sqlite: Storage) -> None:
    run = await sqlite.accept()
    async with sqlite.without("runs"):
        for answer in (await client.get(f"{API}/runs/{run.id}"), await asked(client, scenario=SMALL)):
            found = problem(answer, 503)
            assert "SELECT" not in found["detail"]
            assert answer.headers["retry-after"]
    assert (await client.get(f"{API}/runs/{run.id}")).status_code == 200


async def test_the_schema_is_told(client: httpx.AsyncClient) -> None:
    found = (await client.get(f"{API}/explain", params={"path": "spec.servers"})).json()
    assert found["path"] == "spec.servers"
    assert "cores" in {child["name"] for child in found["children"]}
    whole = (await client.get(f"{API}/explain", params={"recursive": True})).json()
    assert max(child["depth"] for child in whole["children"]) > 2
    problem(await client.get(f"{API}/explain", params={"path": "spec.serves"}), 404, "not-found")
    assert (await client.get(f"{API}/schema")).json()["$schema"]


async def test_all_failures_are_problem_details(client: httpx.AsyncClient) -> None:
    problem(await client.get(f"{API}/nowhere"), 404)
    problem(await client.put(f"{API}/runs"), 405)
    answer = await client.post(f"{API}/runs", content=b"{", headers={"Content-Type": "application/json"})
    problem(answer, 422)


async def test_the_document_names_every_route_and_the_problems(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (path, method)
    problems = document["paths"][f"{API}/runs"]["post"]["responses"]
    assert {"202", "201", "404", "422", "429"} <= set(problems)
    schema = {"$ref": "#/components/schemas/Problem"}
    assert problems["429"]["content"]["application/problem+json"]["schema"] == schema
