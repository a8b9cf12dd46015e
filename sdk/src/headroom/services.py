"""The services of a run and what each of them subscribes to: the composition root of embedded mode."""

from collections.abc import Callable, Mapping
from typing import Final

from headroom_analysis.handlers import Analysis
from headroom_analysis.store import MemoryStore
from headroom_common.event_manager.subscriptions import Subscribe, subscribing
from headroom_generator.handlers import HANDLERS as GENERATOR
from headroom_router.handlers import HANDLERS as ROUTER
from headroom_server_model.handlers import HANDLERS as SERVER_MODEL

SERVICES: Final[Mapping[str, Callable[[], Subscribe]]] = {
    "generator": lambda: subscribing(GENERATOR),
    "router": lambda: subscribing(ROUTER),
    "server-model": lambda: subscribing(SERVER_MODEL),
    "analysis": lambda: subscribing(Analysis(MemoryStore()).handlers),
}
"""By name of the service: makes its handlers anew."""
