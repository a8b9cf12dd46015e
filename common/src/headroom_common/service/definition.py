"""What a service gives to the shell that runs it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from fastapi import APIRouter

from headroom_common.event_manager.subscriptions import Handlers


def _nothing() -> None:
    """Close nothing."""


@dataclass(frozen=True)
class Service:
    """One service, without its surroundings.

    Attributes:
        name: its name, as in the contracts.
        handlers: what it handles.
        routers: its own part of the HTTP interface, under ``/api/v1``.
        close: frees what the handlers use, once no handler runs any more.
    """

    name: str
    handlers: Handlers
    routers: Sequence[APIRouter] = ()
    close: Callable[[], None] = field(default=_nothing)

    @property
    def version(self) -> str:
        """Version of the service's distribution."""
        return version(f"headroom-{self.name}")
