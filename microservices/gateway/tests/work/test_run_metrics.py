"""What an instance tells of the runs that it dealt with itself, and of its callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from gateway_testing.parts import parts_of
from gateway_testing.scenarios import SMALL, result
from gateway_testing.storage import CALLER
from prometheus_client import CollectorRegistry

from headroom_common.contracts.events import RunCompleted, RunFailed, RunStopped
from headroom_gateway.domain.lives import CancelAsked
from headroom_gateway.feeds import Feeds
from headroom_gateway.handlers import Noting
from headroom_gateway.metrics import CallerMetrics
from headroom_gateway.representations import NewRun
from headroom_gateway.security.rates import Rates
from headroom_gateway.security.settings import RateSettings
from headroom_gateway.submission import ENGINE_VERSION, Order
from headroom_gateway.sweeper import Sweeper

if TYPE_CHECKING:
    from gateway_testing.storage import Storage
    from prometheus_client.registry import Collector

    from headroom_common.contracts.events import ControlBody
    from headroom_gateway.parts import Parts

STATES = ("completed", "failed", "cancelled")


class Metrics:
    """Metrics as Prometheus would see them."""

    def __init__(self, *collectors: Collector) -> None:
        self._registry = CollectorRegistry()
        for collector in collectors:
            self._registry.register(collector)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(f"headroom_{name}", labels)

    @property
    def ended(self) -> list[float | None]:
        return [self("runs_ended_total", state=state) for state in STATES]


@pytest.fixture
def metrics(sqlite: Storage) -> Metrics:
    return Metrics(*sqlite.runs.metrics.collectors)


@pytest.fixture
def parts(sqlite: Storage) -> Parts:
    return parts_of(sqlite)


class Arrived:
    """The part of an event that the handlers look at."""

    def __init__(self, body: ControlBody) -> None:
        self.body = body


async def hear(parts: Parts, body: ControlBody) -> None:
    handler = cast("Any", Noting(parts).handlers[type(body)])
    await handler(Arrived(body))


def test_series_are_there_before_their_first_run(metrics: Metrics) -> None:
    assert metrics.ended == [0, 0, 0]
    assert [metrics("runs_accepted_total", cached=cached) for cached in ("true", "false")] == [0, 0]
    assert metrics("runs_stalled_total") == 0


async def test_a_wait_and_a_duration_are_noted_once(sqlite: Storage, parts: Parts, metrics: Metrics) -> None:
    run = await sqlite.accept()
    sqlite.clock.turn(seconds=4)
    assert await parts.relay._admit() == 1
    assert await parts.relay._admit() == 0
    assert (metrics("run_wait_seconds_sum"), metrics("run_wait_seconds_count")) == (4, 1)
    sqlite.clock.turn(seconds=6)
    completed = RunCompleted(run_id=run.id, result=result())
    for _ in range(2):
        await hear(parts, completed)
        sqlite.clock.turn(seconds=1)
    assert (metrics("run_duration_seconds_sum"), metrics("run_duration_seconds_count")) == (6, 1)
    assert metrics.ended == [1, 0, 0]


async def test_what_is_kept_of_a_run_that_has_ended_is_no_second_end(
    sqlite: Storage, parts: Parts, metrics: Metrics
) -> None:
    run = await sqlite.running()
    await hear(parts, RunFailed(run_id=run.id, reason="it broke"))
    sqlite.clock.turn(seconds=1)
    await hear(parts, RunStopped(run_id=run.id, trials_done=1, result=result(1, partial=True)))
    assert (await sqlite.runs.get(run.id)).result is not None
    assert metrics.ended == [0, 1, 0]


async def test_a_stalled_run_has_failed_and_stalled(sqlite: Storage, parts: Parts, metrics: Metrics) -> None:
    await sqlite.running()
    sqlite.clock.turn(seconds=901)
    sweeper = Sweeper(parts, stall_timeout=900, retention_days=None)
    for _ in range(2):
        await sweeper.fail_stalled()
    assert metrics.ended == [0, 1, 0]
    assert metrics("runs_stalled_total") == 1
    assert metrics("run_duration_seconds_sum") == 901


async def test_a_run_that_is_answered_from_memory_takes_no_time(
    sqlite: Storage, parts: Parts, metrics: Metrics
) -> None:
    asked, me = NewRun(scenario=SMALL, trials=3, seed=1), Order(CALLER)
    first = (await parts.submission.submit(asked, me)).run
    await parts.relay._admit()
    document = result() | {"engine_version": ENGINE_VERSION}
    await hear(parts, RunCompleted(run_id=first.id, result=document))
    assert (await parts.submission.submit(asked, me)).run.result is not None
    assert [metrics("runs_accepted_total", cached=cached) for cached in ("true", "false")] == [1, 1]
    assert metrics.ended == [2, 0, 0]
    assert metrics("run_duration_seconds_count") == 1
    del sqlite


async def test_a_repeated_request_is_accepted_once(parts: Parts, metrics: Metrics) -> None:
    order = Order(CALLER, idempotency_key="once")
    for _ in range(2):
        await parts.submission.submit(NewRun(scenario=SMALL, trials=3, seed=1), order)
    assert metrics("runs_accepted_total", cached="false") == 1


async def test_a_run_that_is_cancelled_before_it_began_has_no_duration(
    sqlite: Storage, metrics: Metrics
) -> None:
    run = await sqlite.accept()
    changed = await sqlite.tell(run.id, CancelAsked())
    assert changed is not None
    sqlite.runs.metrics.changed(changed, sqlite.clock.now())
    assert metrics.ended == [0, 0, 1]
    assert metrics("run_duration_seconds_count") == metrics("run_wait_seconds_count") == 0


async def test_followers_and_refusals_are_told(sqlite: Storage) -> None:
    class Full:
        async def add(self, key: str, expiry: int, amount: int = 1) -> int:
            del key, expiry
            return 3 * amount

    rates = Rates(RateSettings(reads_per_minute=2, writes_per_minute=5), Full(), now=lambda: 0.0)
    feeds = Feeds(sqlite.runs, most_followers=10)
    metrics = Metrics(CallerMetrics(feeds, rates.limits))
    for method in ("GET", "GET", "POST"):
        standing = await rates.of(method).take("somebody")
        assert standing is not None
        if method == "GET":
            with pytest.raises(Exception, match="Too many requests"):
                standing.check()
        else:
            standing.check()
    with feeds._followed((await sqlite.accept()).id):
        assert metrics("followers") == 1
    assert metrics("followers") == 0
    refused = [metrics("rate_limited_total", limit=limit) for limit in ("reads", "writes", "failures")]
    assert refused == [2, 0, 0]
