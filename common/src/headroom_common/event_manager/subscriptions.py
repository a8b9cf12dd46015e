"""What a service handles, as one value: embedded runs, processes and tests subscribe in the same way."""

from collections.abc import Callable, Mapping
from typing import Any

from headroom_common.contracts.event import AsyncHandler, Event, Handler, Outgoing
from headroom_common.contracts.events import ServicePolled, ServiceStateChanged
from headroom_common.event_manager.manager import EventManager

Handlers = Mapping[type[Any], Handler[Any] | AsyncHandler[Any]]
"""The handlers of a service, by the class of the bodies that each of them handles."""

Subscribe = Callable[[EventManager], None]
"""Gives an event manager the handlers of its service."""


def subscribing(handlers: Handlers) -> Subscribe:
    """Return what subscribes these handlers."""

    def subscribe(manager: EventManager) -> None:
        for body, handler in handlers.items():
            manager.subscribe(body, handler)

    return subscribe


def answer_polls(manager: EventManager) -> None:
    """Have an instance tell its state whenever it is polled, so that others can learn that it is there."""

    def polled(_: Event[ServicePolled]) -> tuple[Outgoing, ...]:
        status = ServiceStateChanged(
            service=manager.service,
            instance=manager.instance,
            version=manager.version,
            previous=manager.state,
            state=manager.state,
            reason=manager.reason,
        )
        return (Outgoing(status),)

    manager.subscribe(ServicePolled, polled, inline=True, private=True)
