"""The gateway as a process among the others: what it keeps, what waits, and two of it."""

import asyncio
from collections import Counter
from uuid import UUID

from headroom_platforms.backends import Backend
from headroom_platforms.gateways import SMALL, Caller, GatewayPlatform

from headroom.remote import visiting
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import RunRequested
from headroom_common.event_manager import EventManager


async def test_results_survive_a_restart_of_everything(backend: Backend) -> None:
    async with GatewayPlatform(backend) as platform, Caller(platform.gateways[0]) as caller:
        scenario_id = await caller.scenario(SMALL)
        run_id = await caller.submit(scenario_id, 1, 2)
        before = (await caller.until_ended(1))[0]
        result = (await caller.ask("GET", f"/runs/{run_id}/results")).content
        history = await caller.history(run_id)
        for process in platform.processes:
            process.kill()
        for server in (backend.postgres, backend.redis, backend.rabbitmq):
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        await asyncio.gather(*(asyncio.to_thread(process.start) for process in platform.processes))
        assert await caller.all_runs() == [before]
        assert (await caller.ask("GET", f"/runs/{run_id}/results")).content == result
        assert await caller.history(run_id) == history
        assert await caller.submit(scenario_id, 1, 2) == run_id, "idempotency keys are kept"
        body = {"scenario_id": scenario_id, "seed": 1, "trials": 2}
        equal = await caller.ask("POST", "/runs", json=body)
        assert (equal.status_code, equal.headers["cache-status"]) == (201, "headroom; hit")
        await caller.submit(scenario_id, 2, 2)
        assert Counter(run["state"] for run in await caller.until_ended(3)) == {"completed": 3}


async def test_what_is_accepted_while_the_broker_is_away_is_run_when_it_is_back(backend: Backend) -> None:
    async with GatewayPlatform(backend) as platform, Caller(platform.gateways[0]) as caller:
        scenario_id = await caller.scenario(SMALL)
        await asyncio.to_thread(backend.rabbitmq.shut_down)
        run_ids = {await caller.submit(scenario_id, seed, 2) for seed in range(3)}
        assert platform.gateways[0].get("/health/ready")[0] == 200, "it still takes runs"
        assert {run["id"] for run in await caller.all_runs()} == run_ids
        assert platform.count("SELECT count(*) FROM runs WHERE ended_at_us IS NULL") == len(run_ids)
        # Whatever dies meanwhile: the runs are in the database.
        platform.gateways[0].kill()
        await asyncio.to_thread(platform.gateways[0].start)
        await asyncio.to_thread(backend.rabbitmq.start)
        ended = await caller.until_ended(len(run_ids))
        assert {run["id"]: run["state"] for run in ended} == dict.fromkeys(run_ids, "completed")
        assert platform.count("SELECT count(*) FROM outbox") == 0


async def test_two_gateways_are_as_one(backend: Backend) -> None:
    published: Counter[UUID] = Counter()

    def note(event: Event[RunRequested]) -> tuple[Outgoing, ...]:
        published[event.body.run.run_id] += 1
        return ()

    def subscribe(manager: EventManager) -> None:
        manager.subscribe(RunRequested, note, inline=True, private=True)

    async with (
        GatewayPlatform(backend, gateways=2) as platform,
        visiting(backend.broker_url, subscribe),
        Caller(platform.gateways[0]) as one,
        Caller(platform.gateways[1]) as other,
    ):
        scenario_id = await one.scenario(SMALL)
        run_ids = [await one.submit(scenario_id, seed, 2) for seed in range(20)]
        histories = await asyncio.gather(*(other.history(run_id) for run_id in run_ids))
        for history in histories:
            states = [news.data["state"] for news in history if news.kind == "state"]
            assert states == ["queued", "running", "completed"]
        assert await one.all_runs() == await other.all_runs()
        assert published == Counter(map(UUID, run_ids)), "each was published once"
        for process in platform.gateways:
            counters = process.get("/metrics")[1]
            assert 'headroom_event_handling_seconds_count{event_type="headroom.run.' in counters, (
                "both note news"
            )
