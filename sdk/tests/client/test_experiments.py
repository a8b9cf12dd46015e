"""Experiments at a gateway: what the client asks for, and what it makes of the answers."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from client_testing.samples import EXPERIMENT_ID, NOW, an_experiment, experiment_news
from client_testing.server import Answer, SmallGateway, events, problem

from headroom.client import Client, GatewayRefusedError
from headroom.experiment_progress import ExperimentProgress
from headroom.following import RunFailedError
from headroom.gateway import RunCancelledError
from headroom.gateway_experiments import run_experiment_at_gateway
from headroom_common.experiments.asking import experiment_of
from headroom_common.experiments.model import Experiment
from headroom_common.scenario import Scenario
from headroom_gateway.domain.lives import RunState
from headroom_gateway.experiment_representations import (
    ExperimentFailure,
    ExperimentPage,
    NewExperiment,
)

PATH = f"/experiments/{EXPERIMENT_ID}"
QUEUED, RUNNING, DONE = RunState.QUEUED, RunState.RUNNING, RunState.COMPLETED
DOCUMENT = {"format": "headroom.experiment/v1", "kind": "sweep"}


@pytest.fixture
def sweep(small_scenario: Scenario) -> Experiment:
    return experiment_of(small_scenario, {"kind": "sweep", "vary": ["spec.servers[0].cores=1..2"]}, trials=2)


def ends(gateway: SmallGateway, state: RunState, **changes: Any) -> None:
    """Have the gateway accept an experiment that ends in a state."""
    news = [
        experiment_news(1, QUEUED),
        experiment_news(2, RUNNING, 2),
        experiment_news(3, state, 4, **changes),
    ]
    gateway.on("POST", "/experiments", Answer(an_experiment(), 202))
    gateway.on("GET", f"{PATH}/events", events(news))
    gateway.on("GET", PATH, Answer(an_experiment(state, **changes)))


async def test_an_experiment_is_asked_for_as_it_is(
    client: Client, gateway: SmallGateway, sweep: Experiment
) -> None:
    gateway.on("POST", "/experiments", Answer(an_experiment(), 202))
    assert await client.experiments.submit(sweep) == an_experiment()
    (asked,) = gateway.asked
    assert asked.body["scenario"] == sweep.scenario
    assert asked.body["plan"]["vary"] == ["spec.servers[0].cores=1..2"]
    assert asked.body["trials"] == 2
    assert NewExperiment.model_validate(asked.body).trials == 2, "the gateway takes it"
    assert asked.headers["Idempotency-Key"]
    of_stored = NewExperiment.model_validate({"scenario_id": "ab" * 32, "plan": {"kind": "replicate"}})
    await client.experiments.submit(of_stored)
    assert gateway.asked[1].body.items() >= {"scenario_id": "ab" * 32, "plan": {"kind": "replicate"}}.items()
    assert "scenario" not in gateway.asked[1].body


async def test_experiments_are_listed_looked_at_and_ended(client: Client, gateway: SmallGateway) -> None:
    pages = [
        ExperimentPage(items=[an_experiment()] * 2, next_cursor="c"),
        ExperimentPage(items=[an_experiment()]),
    ]
    gateway.on("GET", "/experiments", *(Answer(page) for page in pages))
    listed = client.experiments.list(state=QUEUED, kind="sweep", scenario_id="ab" * 32, created_after=NOW)
    assert [one async for one in listed] == [an_experiment()] * 3
    query = gateway.asked[0].query
    assert (query["state"], query["kind"], query["created_after"]) == (
        ["queued"],
        ["sweep"],
        [NOW.isoformat()],
    )
    assert gateway.asked[1].query["cursor"] == ["c"]
    gateway.on("GET", PATH, Answer(an_experiment(RUNNING)))
    assert (await client.experiments.get(EXPERIMENT_ID)).state is RUNNING
    gateway.on("POST", f"{PATH}/cancel", Answer(an_experiment(RunState.CANCELLING), 202))
    assert (await client.experiments.cancel(EXPERIMENT_ID)).state is RunState.CANCELLING
    gateway.on("DELETE", PATH, Answer(status=204))
    await client.experiments.delete(EXPERIMENT_ID)
    gateway.on("GET", f"{PATH}/report", Answer("<p>", kind="text/html"))
    assert await client.experiments.report(EXPERIMENT_ID) == "<p>"
    gateway.on("GET", f"{PATH}/results", problem(409, "no-result", "not yet"))
    with pytest.raises(GatewayRefusedError, match="not yet"):
        await client.experiments.result(EXPERIMENT_ID)


async def test_a_lost_connection_is_taken_up_where_it_was_lost(client: Client, gateway: SmallGateway) -> None:
    first, rest = experiment_news(1, QUEUED), [experiment_news(2, RUNNING, 2), experiment_news(3, DONE, 4)]
    gateway.on("GET", f"{PATH}/events", events([first], lost=True), events([first, *rest]))
    gateway.on("GET", PATH, Answer(an_experiment(RUNNING)), Answer(an_experiment(DONE)))
    found = [one async for one in client.experiments.follow(EXPERIMENT_ID)]
    assert found == [first, *rest]
    assert gateway.requests("GET", f"{PATH}/events")[1].headers["Last-Event-ID"] == "1"


async def test_an_experiment_gives_its_document_and_tells_its_progress(
    gateway: SmallGateway, sweep: Experiment
) -> None:
    ends(gateway, DONE)
    gateway.on("GET", f"{PATH}/results", Answer(DOCUMENT))
    told: list[ExperimentProgress] = []
    document = await run_experiment_at_gateway(sweep, gateway.url, on_progress=told.append)
    assert document == DOCUMENT
    assert [one.trials_done for one in told] == [0, 2, 4]
    assert told[-1] == ExperimentProgress(round=1, points=2, trials_done=4, trials=4, requests=2000)


async def test_an_experiment_that_fails_says_why(gateway: SmallGateway, sweep: Experiment) -> None:
    ends(gateway, RunState.FAILED, failure=ExperimentFailure(reason="too long", field="spec.warmup"))
    with pytest.raises(RunFailedError, match=r"spec\.warmup: too long") as caught:
        await run_experiment_at_gateway(sweep, gateway.url)
    assert caught.value.field == "spec.warmup"


async def test_an_experiment_that_somebody_cancels_is_an_error(
    gateway: SmallGateway, sweep: Experiment
) -> None:
    ends(gateway, RunState.CANCELLED)
    with pytest.raises(RunCancelledError, match="found it cancelled"):
        await run_experiment_at_gateway(sweep, gateway.url)


async def test_cancelling_the_task_cancels_the_experiment(gateway: SmallGateway, sweep: Experiment) -> None:
    gateway.on("POST", "/experiments", Answer(an_experiment(), 202))
    gateway.on("GET", f"{PATH}/events", events([experiment_news(1, QUEUED)], held=True))
    gateway.on("POST", f"{PATH}/cancel", Answer(an_experiment(RunState.CANCELLED)))
    heard = asyncio.Event()
    running = asyncio.create_task(
        run_experiment_at_gateway(sweep, gateway.url, on_progress=lambda _: heard.set())
    )
    await heard.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()
    assert len(gateway.requests("POST", f"{PATH}/cancel")) == 1
