"""The services of a run and what each of them subscribes to: the composition root of embedded mode."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore
from headroom_common.contracts.events import RequestsCompleted, RunCancelled
from headroom_common.event_manager import EventManager
from headroom_generator import handlers as generator
from headroom_router import handlers as router
from headroom_server_model import handlers as server_model

Subscribe = Callable[[EventManager], None]
"""Gives an event manager the handlers of its service."""


def _analysis() -> Subscribe:
    analysis = Analysis(MemoryStore())

    def subscribe(manager: EventManager) -> None:
        manager.subscribe(RequestsCompleted, analysis.requests_completed)
        manager.subscribe(RunCancelled, analysis.run_cancelled, inline=True)

    return subscribe


def _stateless(handlers: Mapping[Any, Any]) -> Callable[[], Subscribe]:
    def subscribe(manager: EventManager) -> None:
        for body, handler in handlers.items():
            manager.subscribe(body, handler)

    return lambda: subscribe


SERVICES: Final[Mapping[str, Callable[[], Subscribe]]] = {
    "generator": _stateless(generator.HANDLERS),
    "router": _stateless(router.HANDLERS),
    "server-model": _stateless(server_model.HANDLERS),
    "analysis": _analysis,
}
"""By name of the service: makes its handlers anew, with a state of their own."""
