"""The package's public face, and how the services are put together."""

import asyncio
import functools
from pathlib import Path

import pytest

import headroom
from headroom import builder, embedded
from headroom.services import SERVICES
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.cancellations import heed_cancellations
from headroom_common.event_manager.clock import SystemClock
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.subscriptions import answer_polls
from headroom_common.scenario import Scenario
from headroom_common.transports.memory import MemoryBroker

pytestmark = pytest.mark.usefixtures("structlog_as_it_was")


def test_every_public_name_can_be_imported_and_is_listed() -> None:
    for name in headroom.__all__:
        assert getattr(headroom, name).__name__ == name
        assert name in dir(headroom)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = headroom.nothing


def test_every_public_name_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "python-api.md").read_text(encoding="utf-8")
    assert [name for name in builder.__all__ if name not in page and name not in {"Law", "Part"}] == []
    undocumented = [name for name in headroom.__all__ if name not in page]
    assert undocumented == []


class _Recorder(EventManager):
    """An event manager that remembers what was subscribed to."""

    taken: set[str]

    def subscriptions(self) -> set[str]:
        return set(self._subscribed)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_takes_what_the_contracts_say(service: str) -> None:
    workers = WorkerPool(1)
    manager = _Recorder(
        service=service,
        instance="test",
        version="0",
        transport=MemoryBroker().transport(),
        inbox=MemoryInbox(),
        settings=EventManagerSettings(),
        clock=SystemClock(),
        workers=workers,
    )
    SERVICES[service]()(manager)
    workers.close()
    answer_polls(manager)
    heed_cancellations(manager)
    promised = {name for name, contract in CONTRACTS.items() if service in contract.consumers}
    assert manager.subscriptions() == promised


def test_events_in_their_wire_form_give_the_same_bytes(
    small_scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_reference = headroom.run(small_scenario, trials=2, segment_arrivals=100).to_json()
    monkeypatch.setattr(embedded, "MemoryBroker", functools.partial(MemoryBroker, by_reference=False))
    assert headroom.run(small_scenario, trials=2, segment_arrivals=100).to_json() == by_reference


async def test_runs_at_the_same_time_do_not_disturb_each_other(small_scenario: Scenario) -> None:
    alone = [(await headroom.run_async(small_scenario, trials=2, seed=seed)).to_json() for seed in (1, 2, 3)]
    together = await asyncio.gather(
        *(headroom.run_async(small_scenario, trials=2, seed=seed, segment_arrivals=50) for seed in (1, 2, 3))
    )
    assert [result.to_json() for result in together] == alone


async def test_a_cancelled_run_ends_and_the_next_one_works(small_scenario: Scenario) -> None:
    started = asyncio.Event()
    long_run = asyncio.create_task(
        headroom.run_async(small_scenario, trials=100_000, on_progress=lambda _: started.set())
    )
    await asyncio.wait_for(started.wait(), 60)
    long_run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long_run
    assert (await headroom.run_async(small_scenario, trials=1)).requests > 0


def test_the_same_run_twice_in_a_process_starts_from_nothing(small_scenario: Scenario) -> None:
    one, other = (headroom.run(small_scenario, trials=2).to_json() for _ in range(2))
    assert one == other


def test_the_first_trials_of_a_longer_run_are_those_of_a_shorter_one(small_scenario: Scenario) -> None:
    one, two = (headroom.run(small_scenario, trials=trials) for trials in (1, 2))
    other = headroom.run(small_scenario, trials=1, seed=99)
    assert one.requests < two.requests
    assert other.requests != one.requests
    first = one.latency["max"].value
    assert first is not None
    assert max(bar["high"] for bar in two.document["latency"]["histogram"]) >= first
