"""Traces: the spans of all services of a run connect, though nothing travels but the envelopes."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import (
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunParameters,
    RunProgressed,
    RunRequested,
    ServicePolled,
    ServiceStateChanged,
    TrialAnalysed,
)
from headroom_common.errors import PermanentError, TransientError
from headroom_common.event_manager import EventManager, EventManagerSettings, WorkerPool
from headroom_common.event_manager.cancellations import heed_cancellations
from headroom_common.event_manager.inbox import MemoryInbox
from headroom_common.event_manager.subscriptions import answer_polls, subscribing
from headroom_common.event_manager.virtual_time import VirtualClock, in_virtual_time
from headroom_common.service.tracing import Tracing
from headroom_common.transports.memory import MemoryBroker

TRIALS = 3


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(params=[True, False], ids=["by reference", "encoded"])
def broker(request: pytest.FixtureRequest) -> MemoryBroker:
    return MemoryBroker(by_reference=request.param)


@pytest.fixture
def traced(broker: MemoryBroker, workers: WorkerPool, exporter: InMemorySpanExporter) -> Callable[..., Any]:
    """Make a traced event manager with handlers."""

    def make(service: str, handlers: dict[type[Any], Any]) -> EventManager:
        clock = VirtualClock()
        manager = EventManager(
            service=service,
            instance=f"{service}-1",
            version="0.1.0",
            transport=broker.transport(),
            inbox=MemoryInbox(),
            settings=EventManagerSettings(),
            clock=clock,
            workers=workers,
        )
        manager.use(
            Tracing(
                service=service,
                instance=f"{service}-1",
                version="0.1.0",
                clock=clock,
                processors=[SimpleSpanProcessor(exporter)],
            )
        )
        subscribing(handlers)(manager)
        answer_polls(manager)
        return manager

    return make


def trials(event: Event[RunRequested]) -> list[Outgoing]:
    run = event.body.run
    return [Outgoing(TrialAnalysed(run=run, trial=trial)) for trial in range(run.trials)]


def progress(event: Event[TrialAnalysed]) -> list[Outgoing]:
    body = RunProgressed(
        run_id=event.body.run.run_id,
        trials_done=event.body.trial,
        trials=TRIALS,
        requests=0,
        simulated_ns=0,
        trial=event.body.trial,
    )
    return [Outgoing(body)]


def result(event: Event[RunProgressed]) -> list[Outgoing]:
    return [Outgoing(RunCompleted(run_id=event.body.run_id, result={"trial": event.body.trials_done}))]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not condition():  # noqa: ASYNC110 - conditions are arbitrary, so they are polled
            await asyncio.sleep(0.01)


def name(span: ReadableSpan) -> str:
    return span.name.removesuffix(" handle")


def parents(spans: Sequence[ReadableSpan]) -> dict[str, set[str]]:
    """For every kind of span, the kinds of the spans that it stands under."""
    by_id = {span.get_span_context().span_id: span for span in spans if span.get_span_context()}
    found: dict[str, set[str]] = {}
    for span in spans:
        above = "nothing" if span.parent is None else name(by_id[span.parent.span_id])
        found.setdefault(name(span), set()).add(above)
    return found


@in_virtual_time
async def test_the_spans_of_all_services_make_one_tree(
    traced: Callable[..., Any], exporter: InMemorySpanExporter, run: RunParameters
) -> None:
    run = run.model_copy(update={"trials": TRIALS})
    first = traced("generator", {RunRequested: trials})
    second = traced("router", {TrialAnalysed: progress})
    third = traced("analysis", {RunProgressed: result})
    async with third, second, first:
        await first.publish(RunRequested(run=run))
        await until(lambda: third.counters.handled == TRIALS)
        spans = exporter.get_finished_spans()
    assert len(spans) == 1 + 2 * TRIALS
    assert parents(spans) == {
        "run.requested.v1": {"nothing"},
        "trial.analysed.v1": {"run.requested.v1"},
        "run.progressed.v1": {"trial.analysed.v1"},
    }
    assert {f"{span.context.trace_id:032x}" for span in spans} == {run.run_id.hex}
    assert len({span.context.span_id for span in spans}) == len(spans)
    last = spans[-1]
    assert last.attributes is not None
    assert (
        dict(last.attributes).items()
        >= {
            "headroom.run": str(run.run_id),
            "headroom.event_type": "headroom.run.progressed.v1",
            "headroom.instance": "analysis-1",
            "headroom.attempt": 1,
            "headroom.outputs": 1,
        }.items()
    )
    assert last.resource.attributes["service.name"] == "analysis"


@in_virtual_time
async def test_copies_of_one_event_for_several_instances_have_spans_of_their_own(
    traced: Callable[..., Any], exporter: InMemorySpanExporter, run: RunParameters
) -> None:
    stages = [traced(service, {}) for service in ("generator", "router")]
    for stage in stages:
        heed_cancellations(stage)
    asking = traced("gateway", {})
    async with stages[0], stages[1], asking:
        await asking.publish(RunCancelled(run_id=run.run_id))
        await until(lambda: all(stage.counters.handled for stage in stages))
        spans = exporter.get_finished_spans()
    assert [name(span) for span in spans] == 2 * ["run.cancelled.v1"]
    assert len({span.context.span_id for span in spans}) == 2
    assert {(span.attributes or {})["headroom.verdict"] for span in spans} == {"handled"}


@in_virtual_time
async def test_attempts_stand_beside_each_other_and_what_follows_under_the_last(
    traced: Callable[..., Any], exporter: InMemorySpanExporter, run: RunParameters
) -> None:
    failures = iter([TransientError("one"), TransientError("two")])

    def third_time_lucky(event: Event[TrialAnalysed]) -> list[Outgoing]:
        for failure in failures:
            raise failure
        return progress(event)

    middle, last = (
        traced("generator", {TrialAnalysed: third_time_lucky}),
        traced("analysis", {RunProgressed: lambda _: []}),
    )
    async with last, middle:
        await middle.publish(TrialAnalysed(run=run, trial=0))
        await until(lambda: last.counters.handled == 1)
        await middle.publish(TrialAnalysed(run=run, trial=0))
        await until(lambda: middle.counters.duplicates == 1)
        spans = exporter.get_finished_spans()
    attempts = [span for span in spans if name(span) == "trial.analysed.v1"]
    told = [(span.attributes or {})["headroom.attempt"] for span in attempts]
    assert (told, [span.status.is_ok for span in attempts]) == ([1, 2, 3, 1], [False, False, True, True])
    verdicts = [(span.attributes or {})["headroom.verdict"] for span in attempts]
    assert verdicts == ["retried", "retried", "handled", "duplicate"]
    assert len({span.context.span_id for span in attempts}) == 4
    (following,) = [span for span in spans if name(span) == "run.progressed.v1"]
    assert following.parent is not None
    assert following.parent.span_id == attempts[2].context.span_id
    for before, after in pairwise(attempts[:3]):
        assert before.end_time is not None
        assert after.start_time is not None
        assert before.end_time <= after.start_time


@in_virtual_time
async def test_a_failed_run_ends_in_its_trace(
    traced: Callable[..., Any], exporter: InMemorySpanExporter, run: RunParameters
) -> None:
    def impossible(_: Event[RunRequested]) -> list[Outgoing]:
        reason = "impossible"
        raise PermanentError(reason)

    first = traced("generator", {RunRequested: impossible})
    last = traced("gateway", {RunFailed: lambda _: []})
    async with last, first:
        await first.publish(RunRequested(run=run))
        await until(lambda: last.counters.handled == 1)
        spans = exporter.get_finished_spans()
    assert parents(spans) == {"run.requested.v1": {"nothing"}, "run.failed.v1": {"run.requested.v1"}}
    failed = next(span for span in spans if name(span) == "run.requested.v1")
    assert (failed.status.is_ok, failed.status.description) == (False, "impossible")


@in_virtual_time
async def test_what_belongs_to_no_run_is_in_no_trace(
    traced: Callable[..., Any], exporter: InMemorySpanExporter, run: RunParameters
) -> None:
    states = []

    def note(event: Event[ServiceStateChanged]) -> list[Outgoing]:
        states.append(event.body.instance)
        return []

    first = traced("generator", {})
    async with traced("gateway", {ServiceStateChanged: note}), first:
        await first.publish(ServicePolled(poll_id=run.run_id))
        await until(lambda: states.count("generator-1") >= 2)
    assert exporter.get_finished_spans() == ()


def test_what_is_not_configured_is_not_even_imported() -> None:
    script = (
        "import sys, headroom_common.service.composition; "
        "print(sorted({'opentelemetry.sdk', 'redis', 'aio_pika'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert done.stdout.strip() == "[]"
