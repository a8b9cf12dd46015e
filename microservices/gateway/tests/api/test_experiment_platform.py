"""Experiments with all services behind the gateway: the same bytes as in one process, and ends on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from gateway_testing.asking import API, events, problem
from gateway_testing.scenarios import SMALL
from gateway_testing.waits import until

from headroom.embedded_experiments import drive
from headroom.experiments import run_experiment_async
from headroom_analysis.report.experiments import parquet, render_html
from headroom_common.experiments.asking import experiment_of
from headroom_common.result_format import published
from headroom_common.scenario import Scenario

if TYPE_CHECKING:
    import httpx
    from gateway_testing.platforms import Platform

    from headroom.experiment_progress import ExperimentProgress

RATES = "spec.workloads[0].rate=10/s,40/s"
CORES = "spec.servers[0].cores=1..3"


async def asked(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """Ask for an experiment that is accepted."""
    answer = await client.post(f"{API}/experiments", json={"scenario": SMALL, **body})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def followed(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """Follow an experiment to its end; return its news with the events' names."""
    answer = await client.get(f"{path}/events")
    assert answer.status_code == 200, answer.text
    return [{"event": one["event"], **json.loads(one["data"])} for one in events(answer.text)]


async def embedded(plan: dict[str, Any], **options: Any) -> bytes:
    """Return what the same experiment finds out in this process."""
    experiment = experiment_of(Scenario.from_dict(yaml.safe_load(SMALL)), plan, **options)
    return published(await drive(experiment, threads=1))


@pytest.mark.parametrize(
    ("plan", "options"),
    [
        ({"kind": "sweep", "vary": [RATES, CORES]}, {"trials": 3, "seed": 2**63 - 1}),
        (
            {"kind": "replicate"},
            {"trials": 3, "seed": 5, "precision": 0.02, "most_trials": 40, "warm_up": "auto"},
        ),
    ],
)
async def test_what_is_found_out_is_what_one_process_finds_out(
    platform_client: httpx.AsyncClient, plan: dict[str, Any], options: dict[str, Any]
) -> None:
    accepted = await asked(platform_client, plan=plan, **options)
    path = f"{API}/experiments/{accepted['id']}"
    news = await followed(platform_client, path)
    assert [one["state"] for one in news if one["event"] == "state"][:1] == ["queued"]
    assert news[-1]["state"] == "completed", news[-1]
    answer = await platform_client.get(f"{path}/results")
    assert answer.content == await embedded(plan, **options)
    found = (await platform_client.get(path)).json()
    assert found["result"] == {"hash": answer.headers["etag"].strip('"'), "size": len(answer.content)}
    progress = found["progress"]
    assert progress["runs_done"] == progress["runs"] > 1
    assert progress["trials_done"] == progress["trials"] >= answer.json()["trials"]
    assert progress["points"] == len(answer.json()["points"])
    listed = await platform_client.get(f"{API}/runs", params={"experiment_id": accepted["id"], "limit": 200})
    assert len(listed.json()["items"]) == progress["runs"]
    report = await platform_client.get(f"{path}/report")
    assert report.text == render_html(answer.json())
    assert report.headers["content-security-policy"].startswith("sandbox;")
    accept = {"Accept": "application/vnd.apache.parquet"}
    assert (await platform_client.get(f"{path}/results", headers=accept)).content == parquet(answer.json())
    again = await platform_client.get(f"{path}/results", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_a_cancelled_experiment_takes_its_runs_along(platform_client: httpx.AsyncClient) -> None:
    plan = {"kind": "sweep", "vary": [CORES]}
    accepted = await asked(platform_client, plan=plan, trials=3000, overrides=["spec.horizon=1000s"])
    path = f"{API}/experiments/{accepted['id']}"

    async def is_under_way() -> bool:
        return bool((await platform_client.get(path)).json()["progress"]["trials_done"])

    await until(is_under_way)
    problem(await platform_client.delete(path), 409, "wrong-state")
    assert (await platform_client.post(f"{path}/cancel")).status_code == 202
    news = await followed(platform_client, path)
    states = [one["state"] for one in news if one["event"] == "state"]
    assert states == ["queued", "running", "cancelling", "cancelled"]
    problem(await platform_client.get(f"{path}/results"), 409, "no-result")
    runs = (await platform_client.get(f"{API}/runs", params={"experiment_id": accepted["id"]})).json()[
        "items"
    ]
    assert [run["state"] for run in runs] == ["cancelled"] * 3
    assert (await platform_client.delete(path)).status_code == 204
    gone = await platform_client.get(f"{API}/runs", params={"experiment_id": accepted["id"]})
    assert gone.json()["items"] == []


async def test_a_point_that_is_not_valid_fails_the_experiment(platform_client: httpx.AsyncClient) -> None:
    # Each value alone is valid; of both together one leaves nothing to measure.
    plan = {"kind": "sweep", "vary": ["spec.horizon=1s,2s", "spec.warmup=0s,1s"]}
    accepted = await asked(platform_client, plan=plan)
    news = await followed(platform_client, f"{API}/experiments/{accepted['id']}")
    assert news[-1]["state"] == "failed"
    assert news[-1]["failure"]["field"] == "spec.warmup"
    assert "expected" in news[-1]["failure"]["reason"]


async def test_the_client_works_with_it(platform: Platform) -> None:
    experiment = experiment_of(
        Scenario.from_dict(yaml.safe_load(SMALL)), {"kind": "sweep", "vary": [CORES]}, trials=2, seed=3
    )
    told: list[ExperimentProgress] = []
    remote = await run_experiment_async(experiment, gateway=platform.url, on_progress=told.append)
    embedded_one = await run_experiment_async(experiment, threads=1)
    assert remote.to_json() == embedded_one.to_json()
    assert (told[-1].trials_done, told[-1].points) == (6, 3)
