"""What the client asks for and makes of the answers."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from client_testing.samples import NOW, RUN_ID, STORED, a_run, news
from client_testing.server import Answer, SmallGateway, events, problem

from headroom import ScenarioError
from headroom.client import Client, GatewayRefusedError, GatewayUnavailableError, Patience
from headroom_common.errors import PermanentError
from headroom_common.scenario import Scenario
from headroom_gateway.domain.lives import RunState
from headroom_gateway.representations import (
    ClonedRun,
    CreatedKey,
    KeyList,
    RunPage,
    ScenarioPage,
    Scope,
    ServicesReport,
)
from headroom_gateway.representations import Scenario as StoredScenario

RUN = f"/runs/{RUN_ID}"
EVENTS = f"{RUN}/events"
QUEUED, RUNNING, DONE = RunState.QUEUED, RunState.RUNNING, RunState.COMPLETED


async def test_a_run_is_asked_for_with_all_that_decides_it(
    client: Client, gateway: SmallGateway, small_scenario: Scenario
) -> None:
    gateway.on("POST", "/runs", Answer(a_run(), 202))
    await client.runs.submit(small_scenario, trials=3, seed=5, fresh=True)
    assert gateway.asked[0].body == {
        "scenario": small_scenario.canonical(),
        "overrides": [],
        "trials": 3,
        "seed": 5,
        "confidence": 0.95,
        "late_bound": False,
    }
    assert gateway.asked[0].headers["Cache-Control"] == "no-cache"
    await client.runs.submit(scenario_id="ab" * 32, overrides=["spec.horizon=5s"], segment_arrivals=7)
    assert gateway.asked[1].body["scenario_id"] == "ab" * 32
    assert gateway.asked[1].body["overrides"] == ["spec.horizon=5s"]
    assert gateway.asked[1].headers["Cache-Control"] is None


async def test_a_bad_scenario_is_found_here(client: Client, gateway: SmallGateway) -> None:
    with pytest.raises(ScenarioError, match="kind"):
        await client.runs.submit({"spec": {}})
    with pytest.raises(ScenarioError):
        await client.scenarios.create({})
    assert gateway.asked == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trials": 0}, "trials: .*found 0"),
        ({"seed": 2**63}, "seed: "),
        ({"confidence": 1.0}, "confidence: "),
        ({"overrides": ["x"]}, "overrides: "),
    ],
)
async def test_options_out_of_their_range_are_found_here(
    client: Client, gateway: SmallGateway, small_scenario: Scenario, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(PermanentError, match=said):
        await client.runs.submit(small_scenario, **options)
    assert gateway.asked == []


async def test_a_clone_is_told_what_changes_and_nothing_else(client: Client, gateway: SmallGateway) -> None:
    gateway.on("POST", f"{RUN}/clone", Answer(a_run(), 202))
    await client.runs.clone(RUN_ID, ClonedRun(seed=9))
    await client.runs.clone(RUN_ID)
    assert [one.body for one in gateway.asked] == [{"seed": 9}, {}]


async def test_lists_come_page_by_page_as_they_are_taken(client: Client, gateway: SmallGateway) -> None:
    pages = [RunPage(items=[a_run()] * 2, next_cursor="c/2"), RunPage(items=[a_run()])]
    gateway.on("GET", "/runs", *(Answer(page) for page in pages))
    taken = client.runs.list(state=DONE, created_after=datetime(2026, 1, 1, tzinfo=UTC))
    await anext(taken)
    assert len(gateway.asked) == 1
    assert len([run async for run in taken]) == 2
    assert gateway.asked[0].query == {
        "state": ["completed"],
        "created_after": ["2026-01-01T00:00:00+00:00"],
        "limit": ["100"],
    }
    assert gateway.asked[1].query["cursor"] == ["c/2"]


async def test_a_list_ends_at_its_limit(client: Client, gateway: SmallGateway) -> None:
    gateway.on("GET", "/runs", Answer(RunPage(items=[a_run()] * 2, next_cursor="more")))
    assert len([run async for run in client.runs.list(limit=3)]) == 3
    assert [one.query["limit"] for one in gateway.asked] == [["3"], ["1"]]


async def test_following_ends_with_the_run(client: Client, gateway: SmallGateway) -> None:
    told = [news(1, QUEUED), news(2, RUNNING), news(3, RUNNING, 2), news(4, DONE, result=STORED)]
    gateway.on("GET", EVENTS, events(told))
    assert [one async for one in client.runs.follow(RUN_ID)] == told
    assert gateway.asked[0].headers["Accept"] == "text/event-stream"
    assert gateway.asked[0].headers["Last-Event-ID"] is None


async def test_a_lost_connection_is_taken_up_where_it_was_lost(client: Client, gateway: SmallGateway) -> None:
    gateway.on(
        "GET",
        EVENTS,
        events([news(1, QUEUED), news(2, RUNNING)], lost=True),
        problem(503),
        events([news(2, RUNNING), news(5, RUNNING, 2)]),
        events([news(6, DONE)]),
    )
    assert [one.sequence async for one in client.runs.follow(RUN_ID)] == [1, 2, 5, 6]
    assert [one.headers["Last-Event-ID"] for one in gateway.asked] == [None, "2", "2", "5"]


async def test_following_a_run_whose_last_news_is_known_ends(client: Client, gateway: SmallGateway) -> None:
    gateway.on("GET", EVENTS, events([]))
    gateway.on("GET", RUN, Answer(a_run(RUNNING)), Answer(a_run(DONE)))
    assert [one async for one in client.runs.follow(RUN_ID, after=9)] == []
    assert len(gateway.requests("GET", EVENTS)) == 2


async def test_a_gateway_that_stays_away_is_given_up(gateway: SmallGateway) -> None:
    gateway.on("GET", EVENTS, events([news(1, RUNNING)], lost=True), problem(503))
    async with Client(gateway.url, patience=Patience(lost=0.05, base=0.01, cap=0.02)) as client:
        with pytest.raises(GatewayUnavailableError):
            await client.runs.wait(RUN_ID)


@pytest.mark.parametrize("answer", [problem(404), problem(401), Answer("data: {}\nevent: state\n\n")])
async def test_what_cannot_be_followed_is_told_at_once(
    client: Client, gateway: SmallGateway, answer: Answer
) -> None:
    gateway.on("GET", EVENTS, answer)
    with pytest.raises(GatewayRefusedError):
        await client.runs.wait(RUN_ID)
    assert len(gateway.asked) == 1


async def test_who_waits_is_told_the_news_and_gets_the_run(client: Client, gateway: SmallGateway) -> None:
    gateway.on("GET", EVENTS, events([news(1, RUNNING, 1), news(2, DONE)]))
    gateway.on("GET", RUN, Answer(a_run(DONE, result=STORED)))
    told: list[int] = []
    run = await client.runs.wait(RUN_ID, lambda one: told.append(one.sequence))
    assert (run.state, told) == (DONE, [1, 2])


async def test_who_stops_following_leaves_nothing_behind(client: Client, gateway: SmallGateway) -> None:
    gateway.on("GET", EVENTS, events([news(1, RUNNING)], held=True))
    async with asyncio.timeout(20), aclosing(client.runs.follow(RUN_ID)) as following:
        async for one in following:
            assert one.state is RUNNING
            break


async def test_a_result_is_the_document_to_the_byte(
    client: Client, gateway: SmallGateway, documents: Callable[..., dict[str, Any]]
) -> None:
    document = documents(confidence=1 / 3)
    gateway.on("GET", f"{RUN}/results", Answer(document))
    result = await client.result(RUN_ID)
    assert result.document == document
    assert result.document["confidence"] == 1 / 3
    assert list(result.document) == list(document)


async def test_what_else_a_run_has_is_asked_for_by_its_kind(client: Client, gateway: SmallGateway) -> None:
    gateway.on("GET", f"{RUN}/results", Answer(b"PAR1\xff", kind="application/vnd.apache.parquet"))
    gateway.on("GET", f"{RUN}/report", Answer("<html>ü</html>", kind="text/html; charset=utf-8"))
    gateway.on("GET", f"{RUN}/summary", Answer({"verdict": "pass"}))
    gateway.on("GET", f"{RUN}/compare/{RUN_ID}", Answer({"format": "headroom.comparison/v1"}))
    gateway.on("GET", "/explain", Answer({"path": "spec"}))
    assert await client.parquet(RUN_ID) == b"PAR1\xff"
    assert gateway.asked[-1].headers["Accept"] == "application/vnd.apache.parquet"
    assert await client.report(RUN_ID) == "<html>ü</html>"
    assert await client.summary(RUN_ID, points=5) == {"verdict": "pass"}
    assert gateway.asked[-1].query == {"points": ["5"]}
    assert (await client.compare(RUN_ID, RUN_ID))["format"] == "headroom.comparison/v1"
    assert await client.explain("spec", recursive=True) == {"path": "spec"}
    assert gateway.asked[-1].query == {"path": ["spec"], "recursive": ["true"]}


async def test_scenarios_services_and_keys(
    client: Client, gateway: SmallGateway, small_scenario: Scenario
) -> None:
    summary = {
        "id": "ab" * 32,
        "name": "small",
        "description": "",
        "created_at": NOW,
        "created_by": "tester",
        "requests_per_trial": 500.0,
    }
    stored = StoredScenario(**summary, warnings=[], document=small_scenario.canonical())
    gateway.on("POST", "/scenarios", Answer(stored, 201))
    gateway.on("GET", f"/scenarios/{stored.id}", Answer(stored))
    gateway.on("GET", "/scenarios", Answer(ScenarioPage(items=[stored])))
    gateway.on("DELETE", f"/scenarios/{stored.id}", Answer(status=204))
    assert await client.scenarios.create(small_scenario) == stored
    assert gateway.asked[0].body == small_scenario.canonical()
    assert await client.scenarios.get(stored.id) == stored
    assert [one.id async for one in client.scenarios.list(limit=5)] == [stored.id]
    await client.scenarios.delete(stored.id)

    gateway.on("GET", "/services", Answer(ServicesReport(services=[])))
    assert (await client.services()).services == []

    key = CreatedKey(id="k1", name="ci", scope=Scope.READ, created_at=NOW, created_by="t", secret="hr_x")  # noqa: S106 - made up
    gateway.on("POST", "/keys", Answer(key, 201))
    gateway.on("GET", "/keys", Answer(KeyList(items=[key])))
    gateway.on("DELETE", "/keys/a%2F..%2Fb", Answer(status=204))
    assert (await client.keys.create("ci", scope=Scope.READ)).secret == "hr_x"  # noqa: S105 - made up
    assert gateway.asked[-1].body == {"name": "ci", "scope": "read", "expires_in_days": None}
    assert [one.id for one in await client.keys.list()] == ["k1"]
    await client.keys.revoke("a/../b")
