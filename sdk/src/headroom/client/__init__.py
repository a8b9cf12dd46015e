"""The typed client of a gateway."""

from headroom.client.address import AddressError
from headroom.client.calls import Patience
from headroom.client.client import Client
from headroom.client.errors import (
    GatewayError,
    GatewayRefusedError,
    GatewayScenarioError,
    GatewayUnavailableError,
    ProblemDetails,
)
from headroom_gateway.domain.lives import RunState

__all__ = [
    "AddressError",
    "Client",
    "GatewayError",
    "GatewayRefusedError",
    "GatewayScenarioError",
    "GatewayUnavailableError",
    "Patience",
    "ProblemDetails",
    "RunState",
]
