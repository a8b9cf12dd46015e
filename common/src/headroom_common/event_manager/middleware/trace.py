"""Makes sure that every handled event is part of a trace, so that all that it causes is."""

from headroom_common.contracts.envelope import trace_of
from headroom_common.contracts.event import Event
from headroom_common.event_manager.handling import Handling, Proceed


class Trace:
    """Starts the trace of an event that came without one, as a foreign producer's may.

    The ids of outputs, their cause, run and trace follow from the handled event's (``contracts.event``); the
    trace started here follows from the run, so that a second handling continues the same one.
    """

    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        """Handle the event as part of a trace."""
        event = handling.decoded
        envelope = event.envelope
        correlation = envelope.correlationid or event.body.correlation
        if envelope.traceparent is None or correlation != envelope.correlationid:
            completed = envelope.model_copy(
                update={
                    "correlationid": correlation,
                    "traceparent": envelope.traceparent or trace_of(correlation or envelope.id, envelope.id),
                }
            )
            handling.event = Event(completed, event.body)
        await proceed(handling)
