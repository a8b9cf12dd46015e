"""What the router does with each event: decide where a segment's requests go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headroom_common.contracts.event import Event, Outgoing
from headroom_common.contracts.events import ArrivalsGenerated, RequestsRouted
from headroom_common.scenario.runs import compiled_run
from headroom_common.simcore.random import trial_stream
from headroom_router.domain.segment import route_segment

if TYPE_CHECKING:
    from headroom_common.event_manager.subscriptions import Handlers


def arrivals_generated(event: Event[ArrivalsGenerated]) -> list[Outgoing]:
    """Route a segment of arrivals.

    Raises:
        PermanentError: the scenario in the run's parameters is not valid.
    """
    header, tables = event.body.header, event.body.tables
    world = compiled_run(header.run).world(trial_stream(header.run.seed, header.trial))
    carried = {name: table for name, table in tables.items() if name.startswith("router.")}
    segment = route_segment(world, tables["arrivals"], carried, header.watermark_ns)
    others = {name: table for name, table in tables.items() if name.startswith(("generator.", "server."))}
    return [
        Outgoing(
            RequestsRouted(
                header,
                {
                    "routed": segment.routed,
                    "ended": segment.ended,
                    "link_samples": segment.link_samples,
                    **segment.carried,
                    **others,
                },
            )
        )
    ]


HANDLERS: Final[Handlers] = {ArrivalsGenerated: arrivals_generated}
"""What this service subscribes to."""
