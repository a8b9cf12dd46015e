"""Failures: what is tried again and when, what is given up, how it is told, and that the service goes on."""

import asyncio
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    RequestsRouted,
    RunCancelled,
    RunFailed,
    SegmentHeader,
    TrialAnalysed,
)
from headroom_common.errors import PermanentError, TransientError
from headroom_common.event_manager.backoff import backoff
from headroom_common.transports.port import ATTEMPTS, ERROR, INSTANCE, REASON, SERVICE, TIME

TRIAL = "headroom.trial.analysed.v1"
ROUTED = "headroom.requests.routed.v1"


class Failing:
    """Fails ``times`` times with ``error`` and notes the loop's times of its calls."""

    def __init__(self, error: Exception, times: int = 10**9) -> None:
        self.error = error
        self.times = times
        self.calls: list[float] = []

    def __call__(self, _: Event[Any]) -> list[Outgoing]:
        self.calls.append(asyncio.get_running_loop().time())
        if len(self.calls) <= self.times:
            raise self.error
        return []

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in zip(self.calls, self.calls[1:], strict=False)]


def test_a_transient_failure_is_tried_again_after_its_backoff(world: Any) -> None:
    failing = Failing(TransientError("the store is busy"), times=3)

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: failing})
        async with service:
            event_id = await service.publish(world.trial(0))
            await world.until(lambda: service.counters.handled == 1)
        settings = world.settings
        expected = [
            backoff(str(event_id), number, base=settings.retry_base, cap=settings.retry_cap)
            for number in (1, 2, 3)
        ]
        for pause, least in zip(failing.pauses, expected, strict=True):
            assert pause >= least - 1e-6
        assert service.counters.retried == 3
        assert await world.letters("generator") == ()

    world.play(story())


def test_an_error_may_say_when_to_come_back(world: Any) -> None:
    failing = Failing(TransientError("rate limited", delay=2.0), times=1)

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: failing})
        async with service:
            await service.publish(world.trial(0))
            await world.until(lambda: service.counters.handled == 1)
        assert failing.pauses[0] >= 2.0

    world.play(story())


def test_others_are_handled_while_one_waits(world: Any) -> None:
    handled: list[int] = []

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        handled.append(event.body.trial)
        if event.body.trial == 0 and handled.count(0) == 1:
            wait = "not yet"
            raise TransientError(wait, delay=5.0)
        return []

    async def story() -> None:
        async with world.service("generator", {TrialAnalysed: handler}, prefetch=1) as service:
            for trial in range(4):
                await service.publish(world.trial(trial))
            await world.until(lambda: len(handled) == 5)
        assert handled[-1] == 0

    world.play(story())


def test_after_too_many_attempts_an_event_is_given_up(world: Any, seen: Any) -> None:
    failing, failed = Failing(TransientError("the store is busy")), seen()

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: failing}, instance="7")
        async with service, world.service("gateway", {RunFailed: failed}):
            event_id = await service.publish(world.trial(0))
            await world.until(lambda: failed.events)
            await world.settled(service)
            (letter,) = await world.letters("generator")
        assert len(failing.calls) == world.settings.max_attempts
        assert letter.message.event_id == str(event_id)
        assert letter.headers[REASON] == "given up after 5 attempts: the store is busy"
        assert letter.headers[ERROR] == "AttemptsExhaustedError"
        assert (letter.headers[ATTEMPTS], letter.headers[SERVICE]) == ("5", "generator")
        assert letter.headers[INSTANCE] == "7"
        assert letter.headers[TIME].endswith("+00:00")
        assert failed.events[0].body.reason == letter.headers[REASON]

    world.play(story())


class ScenarioError(PermanentError):
    field = "spec.servers[0].memory"


@pytest.mark.parametrize(
    ("error", "reason", "kind", "field"),
    [
        (PermanentError("no such endpoint"), "no such endpoint", "PermanentError", None),
        (ScenarioError("too small"), "too small", "ScenarioError", "spec.servers[0].memory"),
        (ZeroDivisionError("oops"), "unexpected ZeroDivisionError('oops')", "ZeroDivisionError", None),
        (RecursionError(), "unexpected RecursionError()", "RecursionError", None),
    ],
)
def test_what_cannot_be_mended_is_given_up_at_once_and_told(
    world: Any, seen: Any, error: Exception, reason: str, kind: str, field: str | None
) -> None:
    failing, failed = Failing(error), seen()

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: failing})
        async with service, world.service("gateway", {RunFailed: failed}):
            cause = await service.publish(world.trial(0))
            await world.until(lambda: failed.events)
            await world.settled(service)
            (letter,) = await world.letters("generator")
        assert len(failing.calls) == 1
        assert (letter.headers[REASON], letter.headers[ERROR]) == (reason, kind)
        event = failed.events[0]
        assert event.body == RunFailed(run_id=world.run.run_id, reason=reason, field=field)
        assert event.envelope.causationid == cause

    world.play(story())


def test_the_service_goes_on(world: Any) -> None:
    handled: list[int] = []

    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        if event.body.trial % 2:
            impossible = "odd"
            raise PermanentError(impossible)
        handled.append(event.body.trial)
        return []

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: handler})
        async with service:
            for trial in range(10):
                await service.publish(world.trial(trial))
            await world.until(lambda: service.counters.dead_lettered + service.counters.handled == 10)
        assert sorted(handled) == [0, 2, 4, 6, 8]
        assert len(await world.letters("generator")) == 5

    world.play(story())


def test_a_failure_to_handle_a_failure_makes_no_further_one(world: Any) -> None:
    failing = Failing(PermanentError("cannot store it"))

    async def story() -> None:
        service = world.service("gateway", {RunFailed: failing})
        async with service:
            await service.publish(RunFailed(run_id=world.run.run_id, reason="x"))
            await world.until(lambda: service.counters.dead_lettered == 1)
            await asyncio.sleep(0.5)
        assert len(failing.calls) == 1

    world.play(story())


def test_outputs_with_one_name_are_refused(world: Any) -> None:
    def handler(event: Event[TrialAnalysed]) -> list[Outgoing]:
        cancelled = Outgoing(RunCancelled(run_id=event.body.run.run_id), "same")
        return [cancelled, cancelled]

    async def story() -> None:
        service = world.service("generator", {TrialAnalysed: handler})
        async with service:
            await service.publish(world.trial(0))
            await world.until(lambda: service.counters.dead_lettered == 1)
            (letter,) = await world.letters("generator")
        assert "expected a different name for each" in letter.headers[REASON]

    world.play(story())


def test_an_output_that_breaks_its_contract_is_not_sent(world: Any, seen: Any) -> None:
    got = seen()
    header = SegmentHeader(run=world.run, trial=0, segment=0, watermark_ns=0, final=True)

    def handler(_: Event[TrialAnalysed]) -> list[Outgoing]:
        return [Outgoing(RequestsRouted(header, {"routed": {"t0": np.array([np.nan])}}))]

    async def story() -> None:
        service = world.service("router", {TrialAnalysed: handler})
        async with service, world.service("server-model", {RequestsRouted: got}):
            await service.publish(world.trial(0))
            await world.until(lambda: service.counters.dead_lettered == 1)
            (letter,) = await world.letters("router")
        assert "tables.routed.t0: expected numbers, found NaN in row 0" in letter.headers[REASON]
        assert got.events == []

    world.play(story())


def poison(world: Any, name: str) -> Any:
    header = SegmentHeader(run=world.run, trial=0, segment=0, watermark_ns=0, final=True)
    good = world.message(ROUTED, RequestsRouted(header, {"routed": {"id": np.arange(100)}})).content
    messages = {
        "empty": world.message(ROUTED, b""),
        "garbage": world.message(ROUTED, b"\xff" * 100),
        "truncated": world.message(ROUTED, good.body[: len(good.body) // 2]),
        "json": world.message(ROUTED, b"{}"),
        "oversized": world.message(ROUTED, bytes(17 * 2**20)),
        "later version": world.message(ROUTED, good.body, type="headroom.requests.routed.v9"),
        "other type": world.message(
            ROUTED,
            encode_trial(world),
            type=TRIAL,
            datacontenttype="application/json",
            subject=f"{world.run.run_id}/0",
        ),
        "other media type": world.message(ROUTED, good.body, datacontenttype="text/html"),
        "no id": world.message(ROUTED, good.body, id=""),
        "other subject": world.message(ROUTED, good.body, subject="elsewhere"),
    }
    return messages[name]


def encode_trial(world: Any) -> bytes:
    content = world.message(TRIAL, world.trial(0)).content
    body: bytes = content.body
    return body


@pytest.mark.parametrize(
    "name",
    [
        "empty",
        "garbage",
        "truncated",
        "json",
        "oversized",
        "later version",
        "other type",
        "other media type",
        "no id",
        "other subject",
    ],
)
def test_poison_goes_to_the_dead_letters_and_harms_nobody(world: Any, seen: Any, name: str) -> None:
    got, failed = seen(), seen()
    header = SegmentHeader(run=world.run, trial=0, segment=0, watermark_ns=0, final=True)

    async def story() -> None:
        service = world.service("server-model", {RequestsRouted: got}, inline=False)
        async with service, world.service("gateway", {RunFailed: failed}) as gateway:
            await world.transport_of(gateway).publish(poison(world, name))
            await gateway.publish(RequestsRouted(header, {"routed": {"id": np.arange(3)}}))
            await world.until(lambda: service.counters.dead_lettered == 1 and len(got.events) == 1)
            await world.until(lambda: failed.events)
            (letter,) = await world.letters("server-model")
        assert letter.headers[ERROR] == "PermanentError"
        assert letter.headers[REASON] == failed.events[0].body.reason
        assert len(failed.events) == 1

    world.play(story())


def test_poison_without_a_run_is_told_to_nobody(world: Any, seen: Any) -> None:
    failed = seen()

    async def story() -> None:
        service = world.service("server-model", {RequestsRouted: seen()})
        async with service, world.service("gateway", {RunFailed: failed}) as gateway:
            message = world.message(ROUTED, b"", id=str(uuid4()), correlationid="nothing")
            await world.transport_of(gateway).publish(message)
            await world.until(lambda: service.counters.dead_lettered == 1)
            await asyncio.sleep(0.5)
        assert failed.events == []

    world.play(story())
