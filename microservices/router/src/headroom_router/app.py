"""The composition root of the router: its handlers, for the shell that all services share."""

from headroom_common.service import Service, ServiceSettings
from headroom_router.handlers import HANDLERS


def build(_settings: ServiceSettings) -> Service:
    """Return the service; it has no settings of its own."""
    return Service("router", HANDLERS)
