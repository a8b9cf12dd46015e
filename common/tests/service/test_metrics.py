"""Metrics of a service that handles events."""

import asyncio
from collections.abc import Callable
from importlib.metadata import version

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headroom_common.contracts.columns import REQUESTS_COMPLETED, Tables
from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    CompletedHeader,
    RequestsCompleted,
    RunParameters,
    TrialAnalysed,
)
from headroom_common.errors import PermanentError, TransientError
from headroom_common.event_manager.states import Trouble
from headroom_common.service import Service
from headroom_common.service.composition import Composition

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def completed(run: RunParameters, trial: int, rows: int) -> Outgoing:
    """An output that ends the simulation of some requests."""
    tables: Tables = {
        name: {column: np.zeros(rows, dtype) for column, dtype in spec.columns.items()}
        for name, spec in REQUESTS_COMPLETED.items()
    }
    header = CompletedHeader(run=run, trial=trial, segment=0, watermark_ns=1, final=True, part=0, parts=1)
    return Outgoing(RequestsCompleted(header, tables))


def by_trial(event: Event[TrialAnalysed]) -> list[Outgoing]:
    """Handle one trial, put off another for good, give up a third."""
    trial = event.body.trial
    if trial == 1:
        late = "not yet"
        raise TransientError(late, delay=3600)
    if trial == 2:
        never = "never"
        raise PermanentError(never)
    return [completed(event.body.run, trial, 40), completed(event.body.run, trial + 10, 2)]


@pytest.fixture
def service() -> Service:
    return Service("generator", {TrialAnalysed: by_trial})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - conditions are arbitrary, so they are polled
            await asyncio.sleep(0.01)


async def samples(client: httpx.AsyncClient) -> Samples:
    text = (await client.get("/metrics")).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_what_was_done_is_counted(
    client: httpx.AsyncClient, composition: Composition, run: RunParameters
) -> None:
    manager = composition.manager
    async with manager:
        for trial in (0, 0, 1, 2):
            await manager.publish(TrialAnalysed(run=run, trial=trial))
        await until(
            lambda: (
                manager.counters.handled + manager.counters.duplicates == 2
                and manager.counters.retried == 1
                and manager.counters.dead_lettered == 1
            )
        )
        found = await samples(client)
    kind = ("event_type", "headroom.trial.analysed.v1")
    count = "headroom_event_handling_seconds_count"
    verdicts = ("handled", "duplicate", "retried", "dead_lettered")
    assert [found[count, (kind, ("verdict", verdict))] for verdict in verdicts] == [1, 1, 1, 1]
    counted = ("received", "handled", "duplicates", "retried", "dead_lettered")
    assert [found[f"headroom_events_{name}_total", ()] for name in counted] == [4, 1, 1, 1, 1]
    assert found["headroom_simulated_requests_total", ()] == 42
    published = "headroom_events_published_total"
    assert found[published, (("event_type", "headroom.requests.completed.v1"),)] == 2
    assert found[published, (kind,)] == 4
    assert found[published, (("event_type", "headroom.run.failed.v1"),)] == 1
    assert found["headroom_events_in_hand", ()] == 0


async def test_the_age_of_events_is_measured(
    client: httpx.AsyncClient, composition: Composition, run: RunParameters
) -> None:
    manager = composition.manager
    async with manager:
        await manager.publish(TrialAnalysed(run=run, trial=0))
        await until(lambda: manager.counters.handled == 1)
        found = await samples(client)
    kind = ("event_type", "headroom.trial.analysed.v1")
    assert found["headroom_event_age_seconds_count", (kind,)] == 1
    assert 0 <= found["headroom_event_age_seconds_sum", (kind,)] < 60


async def test_readiness_and_troubles_are_told(client: httpx.AsyncClient, composition: Composition) -> None:
    async def told(name: str) -> list[float]:
        return [value for (found, _), value in (await samples(client)).items() if found == name]

    manager = composition.manager
    assert await told("headroom_service_ready") == [0]
    await manager.start()
    assert await told("headroom_service_ready") == [1]
    assert await told("headroom_service_trouble") == [0] * len(Trouble)
    manager.trouble(Trouble.DATABASE, "gone")
    found = await samples(client)
    assert found["headroom_service_trouble", (("trouble", "database"),)] == 1
    assert found["headroom_service_trouble", (("trouble", "inbox"),)] == 0
    assert found["headroom_service_ready", ()] == 0
    await manager.drain()
    await manager.stop()


async def test_one_state_is_set(client: httpx.AsyncClient, composition: Composition) -> None:
    async def state() -> list[str]:
        return [
            labels[0][1]
            for (name, labels), value in (await samples(client)).items()
            if name == "headroom_service_state" and value
        ]

    assert await state() == ["starting"]
    await composition.manager.start()
    assert await state() == ["ready"]
    await composition.manager.drain()
    assert await state() == ["draining"]
    await composition.manager.stop()
    assert await state() == ["stopped"]


async def test_the_build_is_named(client: httpx.AsyncClient) -> None:
    labels = (("service", "generator"), ("version", version("headroom-common")))
    assert (await samples(client))["headroom_build_info", labels] == 1
