"""The services of a run and what each of them subscribes to: the composition root of embedded mode."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore
from headroom_common.contracts.events import RequestsCompleted, RunCancelled
from headroom_common.event_manager import EventManager
from headroom_generator.handlers import HANDLERS as GENERATOR
from headroom_router.handlers import HANDLERS as ROUTER
from headroom_server_model.handlers import HANDLERS as SERVER_MODEL

Subscribe = Callable[[EventManager], None]
"""Gives an event manager the handlers of its service."""


def _stateless(handlers: Mapping[type[Any], Any]) -> Callable[[], Subscribe]:
    """What a service subscribes to that keeps nothing between events."""

    def subscribe(manager: EventManager) -> None:
        for body, handler in handlers.items():
            manager.subscribe(body, handler)

    return lambda: subscribe


def _analysis() -> Subscribe:
    """What analysis subscribes to, with a store of its own."""
    analysis = Analysis(MemoryStore())

    def subscribe(manager: EventManager) -> None:
        manager.subscribe(RequestsCompleted, analysis.requests_completed)
        manager.subscribe(RunCancelled, analysis.run_cancelled, inline=True)

    return subscribe


SERVICES: Final[Mapping[str, Callable[[], Subscribe]]] = {
    "generator": _stateless(GENERATOR),
    "router": _stateless(ROUTER),
    "server-model": _stateless(SERVER_MODEL),
    "analysis": _analysis,
}
"""By name of the service: makes its handlers anew."""
