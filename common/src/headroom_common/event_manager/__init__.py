"""The event manager: the only way to publish and to subscribe."""

from headroom_common.event_manager.manager import EventManager
from headroom_common.event_manager.settings import EventManagerSettings
from headroom_common.event_manager.workers import WorkerPool

__all__ = ["EventManager", "EventManagerSettings", "WorkerPool"]
