"""The gateway with all services behind it: runs that complete, fail to, are followed, cancelled, compared."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
import yaml
from gateway_testing.asking import API, asked, events, problem
from gateway_testing.scenarios import SMALL
from gateway_testing.waits import until

import headroom

if TYPE_CHECKING:
    import httpx
    from gateway_testing.platforms import Platform

TRIALS = 4


async def followed(client: httpx.AsyncClient, run_id: str, after: int = 0) -> list[dict[str, Any]]:
    """Follow a run to its end; return its news with the events' names and ids."""
    headers = {"Last-Event-ID": str(after)} if after else {}
    answer = await client.get(f"{API}/runs/{run_id}/events", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for fields in events(answer.text):
        data = json.loads(fields["data"])
        assert int(fields["id"]) == data["sequence"]
        assert data["run_id"] == run_id
        found.append({"event": fields["event"], **data})
    return found


@pytest.fixture
async def run(platform_client: httpx.AsyncClient) -> dict[str, Any]:
    """A run that has completed."""
    answer = await asked(platform_client, scenario=SMALL, trials=TRIALS)
    assert answer.status_code in {201, 202}, answer.text
    accepted = answer.json()
    await followed(platform_client, accepted["id"])
    found: dict[str, Any] = (await platform_client.get(f"{API}/runs/{accepted['id']}")).json()
    assert found["state"] == "completed"
    return found


async def test_a_run_completes_and_tells_its_way(platform_client: httpx.AsyncClient) -> None:
    accepted = await asked(platform_client, {"Cache-Control": "no-cache"}, scenario=SMALL, trials=TRIALS)
    news = await followed(platform_client, accepted.json()["id"])
    states = [one["state"] for one in news if one["event"] == "state"]
    assert states == ["queued", "running", "completed"]
    numbers = [one["sequence"] for one in news]
    assert numbers == sorted(set(numbers))
    assert {one["event"] for one in news} <= {"state", "progress"}
    last = news[-1]
    found = (await platform_client.get(accepted.headers["location"])).json()
    assert last["result"] == found["result"]
    assert found["sequence"] == last["sequence"]
    assert found["started_at"] <= found["ended_at"]
    resumed = await followed(platform_client, found["id"], after=numbers[-2])
    assert [one["sequence"] for one in resumed] == [numbers[-1]]
    path = f"{API}/runs/{found['id']}/events"
    known = await platform_client.get(path, headers={"Last-Event-ID": str(numbers[-1])})
    assert (known.status_code, known.content) == (204, b"")


async def test_the_result_is_that_of_the_embedded_run(
    platform_client: httpx.AsyncClient, run: dict[str, Any]
) -> None:
    answer = await platform_client.get(f"{API}/runs/{run['id']}/results")
    embedded = await headroom.run_async(yaml.safe_load(SMALL), trials=TRIALS, threads=1)
    assert answer.text == embedded.to_json()
    assert run["result"]["size"] == len(answer.content)
    summary = await platform_client.get(f"{API}/runs/{run['id']}/summary", params={"points": 1})
    assert summary.json()["latency"]["p99"] == answer.json()["latency"]["p99"]
    assert len(summary.json()["series"]["times"]) == 1
    again = {"If-None-Match": summary.headers["etag"]}
    same = await platform_client.get(f"{API}/runs/{run['id']}/summary", params={"points": 1}, headers=again)
    other = await platform_client.get(f"{API}/runs/{run['id']}/summary", params={"points": 2}, headers=again)
    assert (same.status_code, other.status_code) == (304, 200)


async def test_report_and_table_are_those_of_the_sdk(
    platform_client: httpx.AsyncClient, run: dict[str, Any], tmp_path: Any
) -> None:
    embedded = await headroom.run_async(yaml.safe_load(SMALL), trials=TRIALS, threads=1)
    embedded.write(tmp_path / "result.html")
    embedded.write(tmp_path / "result.parquet")
    path = f"{API}/runs/{run['id']}"
    for _ in range(2):
        report = await platform_client.get(f"{path}/report")
        assert report.headers["content-type"] == "text/html; charset=utf-8"
        assert report.headers["content-security-policy"].startswith("sandbox;")
        assert report.content == (tmp_path / "result.html").read_bytes()
    accept = {"Accept": "application/vnd.apache.parquet"}
    table = await platform_client.get(f"{path}/results", headers=accept)
    assert table.headers["content-type"] == accept["Accept"]
    assert pq.read_table(io.BytesIO(table.content)).equals(pq.read_table(tmp_path / "result.parquet"))
    assert table.content == (tmp_path / "result.parquet").read_bytes()
    document = await platform_client.get(f"{path}/results")
    tags = {answer.headers["etag"] for answer in (report, table, document)}
    assert len(tags) == 3
    known = {"If-None-Match": table.headers["etag"]}
    assert (await platform_client.get(f"{path}/results", headers=accept | known)).status_code == 304


async def test_two_runs_are_compared(platform_client: httpx.AsyncClient, run: dict[str, Any]) -> None:
    body = {"overrides": ["spec.servers[app].cores=2"]}
    other = (await platform_client.post(f"{API}/runs/{run['id']}/clone", json=body)).json()
    await followed(platform_client, other["id"])
    answer = await platform_client.get(f"{API}/runs/{run['id']}/compare/{other['id']}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["format"] == "headroom.comparison/v1"
    equal = (await asked(platform_client, scenario=SMALL, trials=TRIALS)).json()
    assert equal["result"]["cached"]
    again = await platform_client.get(f"{API}/runs/{equal['id']}/compare/{other['id']}")
    assert again.json() == answer.json(), "an equal run is compared by the trials that were simulated"
    problem(await platform_client.get(f"{API}/runs/{run['id']}/compare/{uuid4()}"), 404, "not-found")


async def test_a_cancelled_run_keeps_a_partial_result(platform_client: httpx.AsyncClient) -> None:
    accepted = (await asked(platform_client, scenario=SMALL, trials=2000)).json()
    path = f"{API}/runs/{accepted['id']}"

    async def has_some() -> bool:
        run = (await platform_client.get(path)).json()
        return bool(run.get("progress") and run["progress"]["trials_done"] > 2)

    await until(has_some)
    problem(await platform_client.delete(path), 409, "wrong-state")
    assert (await platform_client.post(f"{path}/cancel")).status_code == 202
    news = await followed(platform_client, accepted["id"])
    assert [one["state"] for one in news if one["event"] == "state"] == [
        "queued",
        "running",
        "cancelling",
        "cancelled",
    ]
    run = (await platform_client.get(path)).json()
    assert run["result"]["partial"] is True
    assert 2 < run["result"]["trials"] < 2000
    result = (await platform_client.get(f"{path}/results")).json()
    assert result["trials"] == run["result"]["trials"]
    assert result["partial"]
    assert (await platform_client.get(f"{path}/summary")).json()["partial"] == result["partial"]
    again = await asked(platform_client, scenario=SMALL, trials=2000)
    assert again.status_code == 202, "a partial result answers no other run"
    await platform_client.post(f"{API}/runs/{again.json()['id']}/cancel")
    problem(await platform_client.get(f"{path}/compare/{accepted['id']}"), 409, "no-result")
    assert (await platform_client.delete(path)).status_code == 204


async def test_many_follow_one_run(platform_client: httpx.AsyncClient) -> None:
    accepted = (await asked(platform_client, scenario=SMALL, trials=60, seed=4)).json()
    told = await asyncio.gather(*(followed(platform_client, accepted["id"]) for _ in range(20)))
    for news in told:
        assert [one["state"] for one in news if one["event"] == "state"] == ["queued", "running", "completed"]


async def test_all_services_are_there(platform_client: httpx.AsyncClient) -> None:
    async def all_work() -> bool:
        report = (await platform_client.get(f"{API}/services")).json()
        return all(service["working"] for service in report["services"])

    await until(all_work)
    report = (await platform_client.get(f"{API}/services")).json()
    assert [service["name"] for service in report["services"]] == [
        "gateway",
        "generator",
        "router",
        "server-model",
        "analysis",
    ]
    for service in report["services"]:
        assert len(service["instances"]) == 1
        assert service["versions"] == [service["instances"][0]["version"]]
        assert service["lag"] is not None


async def test_the_client_works_with_it(platform: Platform) -> None:
    embedded = await headroom.run_async(yaml.safe_load(SMALL), trials=3, seed=11, threads=1)
    remote = await headroom.run_async(yaml.safe_load(SMALL), trials=3, seed=11, gateway=platform.url)
    assert remote.to_json() == embedded.to_json()
