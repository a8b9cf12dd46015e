"""Watches every step of every process and notes what must never happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headroom_common.contracts.envelope import child_id
from headroom_common.contracts.events import RunCancelled
from headroom_common.contracts.registry import contract_of
from headroom_faults.broker import describe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from headroom_common.contracts.event import Event, Outgoing
    from headroom_common.transports.port import Message
    from headroom_faults.process import Process

_UNASKED = ("headroom.service.state_changed.v1", "headroom.run.failed.v1")
"""Types that no handler returns."""

_CANCELLED = contract_of(RunCancelled)


class Auditor:
    """Knows what was handled, told, confirmed and acknowledged, per process.

    Args:
        strict: False has it note nothing, so that only the outcome is judged.
        unwanted: the run that is cancelled at some time; empty when none is.

    Attributes:
        violations: what must never happen and did.
    """

    def __init__(self, *, strict: bool = True, unwanted: str = "") -> None:
        self.violations: list[str] = []
        self._strict = strict
        self._unwanted = unwanted
        self._heard: set[Process] = set()
        self._outputs: dict[tuple[Process, str], dict[str, str]] = {}
        self._answers: dict[tuple[Process, str], bool] = {}
        self._known: set[tuple[Process, str]] = set()
        self._confirmed: set[tuple[Process, str]] = set()
        self._expected: dict[str, str] = {}
        self._ever: dict[tuple[str, str], frozenset[str]] = {}

    def handled(
        self, host: Process, event: Event[Any], outputs: Sequence[Outgoing], *, inbox_id: UUID
    ) -> None:
        """A handler has returned; the inbox knows the event by ``inbox_id``."""
        event_id = str(event.envelope.id)
        if self._answers.get((host, str(inbox_id))):
            self._violated(
                f"{host.name} handled {event.envelope.type} [{event_id[:8]}] "
                "though the inbox knew it: its effect is doubled"
            )
        names = {}
        for output in outputs:
            event_type = contract_of(type(output.body)).event_type
            identity = child_id(event.envelope.id, output.name or f"{event_type} {output.body.subject}")
            names[str(identity)] = f"{event_type} {output.body.subject}"
        self._outputs[host, event_id] = self._outputs[host, str(inbox_id)] = names
        self._expected |= names
        if isinstance(event.body, RunCancelled) and host.service in _CANCELLED.private:
            self._heard.add(host)
        if str(event.body.correlation) == self._unwanted:
            return  # Its events are answered differently, whenever its cancellation becomes known.
        before = self._ever.setdefault((host.service, event_id), frozenset(names))
        if before != frozenset(names):
            self._violated(
                f"{host.name} handled {event.envelope.type} [{event_id[:8]}] twice and differently"
            )

    def told(self, host: Process, event_id: UUID, *, seen: bool) -> None:
        """The inbox has answered."""
        self._answers[host, str(event_id)] = seen
        if seen:
            self._known.add((host, str(event_id)))

    def publishes(self, host: Process, message: Message) -> None:
        """A process hands a message to the broker."""
        known = message.event_id in self._expected or message.event_type in _UNASKED or not host.mortal
        if not known:
            self._violated(
                f"{host.name} publishes {describe(message)}, the id of no handler's output: "
                "a second copy would be doubled"
            )
        if message.event_type == _CANCELLED.event_type and message.correlation != self._unwanted:
            self._violated(f"{host.name} publishes {describe(message)} unasked: a run is lost")

    def confirmed(self, host: Process, message: Message) -> None:
        """A process has got the confirm of a message."""
        self._confirmed.add((host, message.event_id))

    def marks(self, host: Process, event_id: UUID) -> None:
        """A process tells the inbox that it has handled an event."""
        self._require_confirms(host, str(event_id), "marks as handled")

    def acknowledges(self, host: Process, message: Message) -> None:
        """A process has the broker forget an event."""
        if message.correlation == self._unwanted and host in self._heard:
            return
        # Another copy may be in hand as well, and wait for an answer of its own.
        if (host, message.event_id) not in self._known:
            self._require_confirms(host, message.event_id, "acknowledges")

    def _require_confirms(self, host: Process, event_id: str, does: str) -> None:
        outputs = self._outputs.get((host, event_id))
        if outputs is None:
            self._violated(f"{host.name} {does} [{event_id[:8]}] without having handled it: it may be lost")
            return
        for output, name in outputs.items():
            if (host, output) not in self._confirmed:
                self._violated(
                    f"{host.name} {does} [{event_id[:8]}] before its output {name} [{output[:8]}] "
                    "is confirmed: it may be lost"
                )

    def _violated(self, message: str) -> None:
        if self._strict:
            self.violations.append(message)
