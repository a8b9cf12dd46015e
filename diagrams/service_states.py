"""The states of a service: drawn from the event manager's table of transitions."""

from __future__ import annotations

from diagrams.palette import CONTROL, DATA, PLANNED, SERVICE, SHARED, header, node, text
from headroom_common.contracts.events import ServiceState
from headroom_common.event_manager.states import TRANSITIONS, Trigger

COLOURS = {
    ServiceState.STARTING: SHARED,
    ServiceState.READY: CONTROL,
    ServiceState.DEGRADED: DATA,
    ServiceState.DRAINING: SERVICE,
    ServiceState.STOPPED: PLANNED,
}


def source() -> str:
    """Return the DOT source."""
    lines = [
        *header("service_states", "The states of a service", rankdir="LR"),
        "  graph [nodesep=0.5, ranksep=0.8]",
    ]
    lines += [
        node(state, text(state, bold=True, size=13), COLOURS[state], margin="0.22,0.14")
        for state in ServiceState
    ]
    for (state, trigger), following in TRANSITIONS.items():
        # A stop is possible everywhere: drawn thin, so that the usual way stands out.
        look = ", style=dashed, penwidth=0.9" if trigger is Trigger.STOP else ""
        lines.append(f'  {state} -> {following} [label="{trigger}"{look}]')
    return "\n".join([*lines, "}"]) + "\n"
