"""Guarantees broken on purpose, one at a time: the simulator has to notice each of them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import headroom_analysis.store
from headroom_analysis.handlers import Analysis
from headroom_common.contracts import event
from headroom_common.contracts.events import RunCancelled
from headroom_common.errors import TransientError
from headroom_common.event_manager import manager, publisher
from headroom_common.event_manager.cancellations import Cancellations
from headroom_common.event_manager.handling import Acknowledge, Outcome
from headroom_common.event_manager.middleware.dedupe import Dedupe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import pytest

    from headroom_analysis.domain.partials import Partial
    from headroom_common.contracts.event import Event, Outgoing
    from headroom_common.contracts.events import CompletedHeader, RequestsCompleted
    from headroom_common.event_manager.handling import Handling, Proceed
    from headroom_common.transports.port import Delivery, Message

Break = "Callable[[pytest.MonkeyPatch], None]"


class _Acknowledged:
    """A delivery that was acknowledged before it was handled."""

    def __init__(self, delivery: Delivery) -> None:
        self.message, self.attempt, self.redelivered = (
            delivery.message,
            delivery.attempt,
            delivery.redelivered,
        )

    async def ack(self) -> None:
        pass

    async def retry_later(self, delay: float) -> None:
        pass

    async def dead_letter(self, headers: Mapping[str, str]) -> None:
        pass


class _MarksFirst(Dedupe):
    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        event_id = handling.decoded.envelope.id
        if await self._seen(event_id):
            handling.verdict = Acknowledge(Outcome.DUPLICATE)
            return
        await self._mark(event_id)
        await proceed(handling)


class _ForgetsAll(Dedupe):
    async def __call__(self, handling: Handling, proceed: Proceed) -> None:
        await proceed(handling)


def acknowledge_before_confirm(patch: pytest.MonkeyPatch) -> None:
    treat = manager.EventManager._treat

    async def treat_acknowledged(self: manager.EventManager, handling: Handling) -> None:
        await handling.delivery.ack()
        handling.delivery = _Acknowledged(handling.delivery)
        await treat(self, handling)

    patch.setattr(manager.EventManager, "_treat", treat_acknowledged)


def mark_before_confirm(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(manager, "Dedupe", _MarksFirst)


def ids_by_chance(patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()

    def another_id(cause: UUID, name: str) -> UUID:
        return uuid5(cause, f"{name} {next(numbers)}")

    patch.setattr(event, "child_id", another_id)


def no_dedupe_and_a_store_that_adds(patch: pytest.MonkeyPatch) -> None:
    trial = headroom_analysis.store._Trial
    add = trial.add

    def add_again(self: Any, header: CompletedHeader, partial: Partial) -> bool:
        known = header.part in self.seen.get(header.segment, ())
        if known:
            self.partial.absorb(partial)
        return add(self, header, partial)

    patch.setattr(manager, "Dedupe", _ForgetsAll)
    patch.setattr(trial, "add", add_again)


def publisher_gives_up(patch: pytest.MonkeyPatch) -> None:
    async def publish(self: publisher.Publisher, message: Message) -> None:
        await self._confirmed(message, 1)

    patch.setattr(publisher.Publisher, "publish", publish)


def broken_connection_is_swallowed(patch: pytest.MonkeyPatch) -> None:
    async def uncancelled(work: Awaitable[None]) -> None:
        try:
            await work
        except publisher.asyncio.CancelledError:
            if publisher.being_cancelled():
                raise
        except TransientError:
            raise

    patch.setattr(publisher, "uncancelled", uncancelled)


def cancellations_are_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cancellations, "_drops", lambda _self, _run: False)


def one_cancellation_drops_every_run(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cancellations, "_drops", lambda self, run: bool(self._runs) and run is not None)


def nobody_is_reminded(patch: pytest.MonkeyPatch) -> None:
    completed = Analysis.requests_completed

    def without_reminder(self: Analysis, event: Event[RequestsCompleted]) -> list[Outgoing]:
        return [output for output in completed(self, event) if not isinstance(output.body, RunCancelled)]

    patch.setattr(Analysis, "requests_completed", without_reminder)


def every_reminder_stops_the_run_again(patch: pytest.MonkeyPatch) -> None:
    cancelled = Analysis.run_cancelled

    def as_the_first(self: Analysis, event: Event[RunCancelled]) -> list[Outgoing]:
        uncaused = event.envelope.model_copy(update={"causationid": None})
        return cancelled(self, replace(event, envelope=uncaused))

    patch.setattr(Analysis, "run_cancelled", as_the_first)


def a_stopped_run_begins_anew(patch: pytest.MonkeyPatch) -> None:
    store = headroom_analysis.store.MemoryStore
    stop = store.stop

    def stop_for_now(self: Any, run_id: UUID) -> Any:
        stopped = stop(self, run_id)
        self._forgotten.pop(run_id, None)
        return stopped

    patch.setattr(store, "stop", stop_for_now)


MUTANTS: Final[Mapping[str, Callable[[pytest.MonkeyPatch], None]]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        acknowledge_before_confirm,
        mark_before_confirm,
        ids_by_chance,
        no_dedupe_and_a_store_that_adds,
        publisher_gives_up,
        broken_connection_is_swallowed,
        cancellations_are_ignored,
        one_cancellation_drops_every_run,
        nobody_is_reminded,
        every_reminder_stops_the_run_again,
        a_stopped_run_begins_anew,
    )
}
"""By name: breaks it until the patch is undone."""
