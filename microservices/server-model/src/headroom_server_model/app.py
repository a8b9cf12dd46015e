"""The composition root of the server model: its handlers, for the shell that all services share."""

from headroom_common.service import Service, ServiceSettings
from headroom_server_model.handlers import HANDLERS


def build(_settings: ServiceSettings) -> Service:
    """Return the service; it has no settings of its own."""
    return Service("server-model", HANDLERS)
