"""What a service gives to the shell that runs it."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from prometheus_client.registry import Collector

from headroom_common.event_manager import EventManager
from headroom_common.event_manager.states import Trouble
from headroom_common.event_manager.subscriptions import Handlers, Subscribe

Background = Callable[[EventManager], Coroutine[Any, Any, None]]
"""Work that goes on beside events and requests until it is cancelled; one that fails ends the process."""


BEARABLE: Final = frozenset({Trouble.INBOX})
"""What may be wrong with an instance that is ready.

Without its inbox it repeats work now and then and stays correct, and taking it out would help nobody: its
siblings have the same inbox. Without its broker it can do nothing, and a rollout that put such instances in
the place of working ones has to stop.
"""


async def _nothing() -> None:
    """Close nothing."""


def _as_it_is(_: FastAPI) -> None:
    """Change nothing."""


def _no_more(_: EventManager) -> None:
    """Subscribe to nothing."""


@dataclass(frozen=True)
class Service:
    """One service, without its surroundings.

    Attributes:
        name: its name, as in the contracts.
        handlers: what it handles, its instances competing.
        subscribe: subscribes to more, in other ways.
        routers: its own part of the HTTP interface, under ``/api/v1``.
        extend: adds to the HTTP interface what no router can, such as middleware.
        collectors: its own metrics.
        background: what it does besides; begun with the process, cancelled before the event manager stops.
        bearable: troubles with which it still does its work, so that it stays ready.
        close: frees what the handlers use, once no handler runs any more.
    """

    name: str
    handlers: Handlers
    subscribe: Subscribe = _no_more
    routers: Sequence[APIRouter] = ()
    extend: Callable[[FastAPI], None] = _as_it_is
    collectors: Sequence[Collector] = ()
    background: Sequence[Background] = ()
    bearable: frozenset[Trouble] = BEARABLE
    close: Callable[[], Awaitable[None]] = _nothing

    @property
    def version(self) -> str:
        """Version of the service's distribution."""
        return version(f"headroom-{self.name}")
