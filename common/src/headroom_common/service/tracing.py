"""Traces across all services, with OpenTelemetry: one span for the handling of each event of a run.

Nothing travels besides the envelope. The trace is the run; the span of handling an event has the id that the
event's ``traceparent`` carries, and its parent is the span of the event's cause. So the spans of all services
connect, whoever exports them, and handling an event again gives the same span again.

This module is imported when an exporter is configured.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from headroom_common.contracts.envelope import Envelope, child_id, trace_of
from headroom_common.event_manager.clock import Clock
from headroom_common.event_manager.handling import Acknowledge, GiveUp, Handling, Proceed, RetryLater
from headroom_common.telemetry import event_context

_HEXADECIMAL: Final = 16
_MICROSECONDS_NS: Final = 1_000
_SETTLING: Final = ("handled", "dead_lettered")
_next: ContextVar[tuple[int, int]] = ContextVar("headroom_next_span")


class _GivenIds(IdGenerator):
    """Gives the next span the ids that follow from its event."""

    def generate_trace_id(self) -> int:
        return _next.get()[0]

    def generate_span_id(self) -> int:
        return _next.get()[1]


class Tracing:
    """Makes the spans: a middleware of the event manager.

    A span is made when its event has been handled, for what became of it decides its id: the attempt that
    settles an event is the one that its outputs follow from.

    Args:
        service: name of the service.
        instance: which instance.
        version: version of the service's distribution.
        clock: begins and ends of spans.
        processors: take the spans.
    """

    def __init__(
        self,
        *,
        service: str,
        instance: str,
        version: str,
        clock: Clock,
        processors: Sequence[SpanProcessor],
    ) -> None:
        resource = Resource.create(
            {"service.name": service, "service.instance.id": instance, "service.version": version}
        )
        self._instance = instance
        self._clock = clock
        self._provider = TracerProvider(id_generator=_GivenIds(), resource=resource, shutdown_on_exit=False)
        for processor in processors:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("headroom", version)

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event and make its span."""
        began = self._clock.now()
        await proceed(handling)
        envelope = handling.envelope
        if envelope is not None and envelope.correlationid is not None:
            self._record(handling, envelope, began)

    def close(self) -> None:
        """Export what is left and end the exporter's thread."""
        self._provider.shutdown()

    def _record(self, handling: Handling, envelope: Envelope, began: datetime) -> None:
        trace_id, own, parent = _ids(handling, envelope, self._instance)
        token = _next.set((trace_id, own))
        try:
            span = self._tracer.start_span(
                f"{envelope.type.removeprefix('headroom.')} handle",
                context=_remote(trace_id, parent),
                kind=SpanKind.CONSUMER,
                attributes=self._attributes(handling, envelope),
                start_time=_nanoseconds(began),
            )
        finally:
            _next.reset(token)
        match handling.verdict:
            case RetryLater(reason=reason) | GiveUp(reason=reason):
                span.set_status(StatusCode.ERROR, reason)
            case Acknowledge():
                pass
        span.end(_nanoseconds(self._clock.now()))

    def _attributes(self, handling: Handling, envelope: Envelope) -> dict[str, str | int | bool]:
        return {
            **{f"headroom.{name}": value for name, value in event_context(envelope).items()},
            "headroom.instance": self._instance,
            "headroom.attempt": handling.delivery.attempt,
            "headroom.verdict": handling.verdict_name,
            "headroom.outputs": handling.published,
        }


def open_tracing(endpoint: str, *, service: str, instance: str, version: str, clock: Clock) -> Tracing:
    """Return the middleware that sends spans to an OTLP collector over HTTP."""
    return Tracing(
        service=service,
        instance=instance,
        version=version,
        clock=clock,
        processors=[BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint))],
    )


def _ids(handling: Handling, envelope: Envelope, instance: str) -> tuple[int, int, int | None]:
    """Return the trace, the span and its parent."""
    carried = envelope.traceparent or trace_of(envelope.correlationid or envelope.id, envelope.id)
    _, trace_id, sender, _ = carried.split("-")
    own = envelope.id.hex[16:]
    if sender != own:
        parent: str | None = sender  # A foreign producer, whose event is part of a span of its own.
    else:
        parent = None if envelope.causationid is None else envelope.causationid.hex[16:]
    if handling.subscribed.private or handling.verdict_name not in _SETTLING:
        # Nothing follows from this attempt: it stands beside the one that settles the event.
        attempt = f"{handling.verdict} {handling.delivery.attempt} {instance}"
        own = child_id(envelope.id, attempt).hex[16:]
    return (
        int(trace_id, _HEXADECIMAL),
        int(own, _HEXADECIMAL),
        None if parent is None else int(parent, _HEXADECIMAL),
    )


def _remote(trace_id: int, span_id: int | None) -> Context:
    if span_id is None:
        return Context()
    parent = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6) * _MICROSECONDS_NS
