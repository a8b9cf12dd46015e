"""The states of a service as a table, and the troubles that degrade it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from headroom_common.contracts.events import ServiceState


class Trigger(StrEnum):
    """What makes a service change its state."""

    STARTED = "started"
    TROUBLE = "trouble"
    RECOVERED = "recovered"
    DRAIN = "drain"
    STOP = "stop"


class Trouble(StrEnum):
    """What can degrade a service."""

    CONNECTION = "connection"
    CONFIRMS = "confirms"
    INBOX = "inbox"
    DATABASE = "database"
    PREPARATION = "preparation"


TRANSITIONS: Final[Mapping[tuple[ServiceState, Trigger], ServiceState]] = MappingProxyType(
    {
        (ServiceState.STARTING, Trigger.STARTED): ServiceState.READY,
        (ServiceState.STARTING, Trigger.DRAIN): ServiceState.DRAINING,
        (ServiceState.STARTING, Trigger.STOP): ServiceState.STOPPED,
        (ServiceState.READY, Trigger.TROUBLE): ServiceState.DEGRADED,
        (ServiceState.READY, Trigger.DRAIN): ServiceState.DRAINING,
        (ServiceState.READY, Trigger.STOP): ServiceState.STOPPED,
        (ServiceState.DEGRADED, Trigger.RECOVERED): ServiceState.READY,
        (ServiceState.DEGRADED, Trigger.DRAIN): ServiceState.DRAINING,
        (ServiceState.DEGRADED, Trigger.STOP): ServiceState.STOPPED,
        (ServiceState.DRAINING, Trigger.STOP): ServiceState.STOPPED,
    }
)
"""The state that follows on a state and a trigger. Any other pair changes nothing: a connection lost while
draining does not bring the service back to work."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state.

    Attributes:
        previous: the state that was left.
        state: the state that was entered.
        reason: why.
    """

    previous: ServiceState
    state: ServiceState
    reason: str


class StateMachine:
    """Tracks the state of one service instance.

    Args:
        listener: is told of each transition, as it happens.

    Attributes:
        remark: what an operator should know of the service while it is ready; stands behind the reason.
    """

    def __init__(self, listener: Callable[[Transition], None]) -> None:
        self.remark = ""
        self._listener = listener
        self._state = ServiceState.STARTING
        self._reason = "the process has started"
        self._troubles: dict[Trouble, str] = {}

    @property
    def state(self) -> ServiceState:
        """The state now."""
        return self._state

    @property
    def reason(self) -> str:
        """Why it is in this state: what is wrong now, or what happened last."""
        held_up = self._troubles and self._state in {ServiceState.STARTING, ServiceState.DEGRADED}
        return "; ".join(self._troubles.values()) if held_up else self._reason

    @property
    def troubles(self) -> Mapping[Trouble, str]:
        """What is wrong now: sources and reasons."""
        return MappingProxyType(self._troubles)

    def fire(self, trigger: Trigger, reason: str) -> None:
        """Change the state as the table says, and tell the listener if it did."""
        following = TRANSITIONS.get((self._state, trigger))
        if following is None:
            return
        if following is ServiceState.READY and self.remark:
            reason = f"{reason}; {self.remark}"
        transition = Transition(self._state, following, reason)
        self._state = following
        self._reason = reason
        self._listener(transition)
        if following is ServiceState.READY and self._troubles:
            # Trouble that began while starting degrades the service as soon as it is up.
            self.fire(Trigger.TROUBLE, "; ".join(self._troubles.values()))

    def trouble(self, source: Trouble, reason: str) -> None:
        """Note that ``source`` fails; the service is degraded while any source does."""
        known = source in self._troubles
        self._troubles[source] = reason
        if not known:
            self.fire(Trigger.TROUBLE, reason)

    def recovered(self, source: Trouble, reason: str) -> None:
        """Note that ``source`` works again."""
        if self._troubles.pop(source, None) is not None and not self._troubles:
            self.fire(Trigger.RECOVERED, reason)


def state_diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> starting"]
    lines += [f"    {before} --> {after}: {trigger}" for (before, trigger), after in TRANSITIONS.items()]
    return "\n".join([*lines, "    stopped --> [*]", ""])
