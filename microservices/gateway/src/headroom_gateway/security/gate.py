"""The gate of the interface: who asks, and whether they have asked too much already."""

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headroom_common.service.problems import ProblemError, refusal
from headroom_gateway.security.callers import Callers
from headroom_gateway.security.rates import Rates

OPEN: Final = frozenset({"/health/live", "/health/ready", "/metrics", "/openapi.json"})
"""Paths that everybody may read; whatever else there is or will be goes through the gate."""

_ALWAYS: Final = [(b"x-content-type-options", b"nosniff")]


class Gate:
    """Lets callers in who may ask, and puts who they are into ``scope["state"]["principal"]``.

    Args:
        app: the application inside.
        callers: tells who asks.
        rates: how much they may ask.
    """

    def __init__(self, app: ASGIApp, callers: Callers, rates: Rates) -> None:
        self._app = app
        self._callers = callers
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = _ALWAYS

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        try:
            principal, caller = await self._callers.identify(scope)
            standing = await self._rates.of(scope["method"]).take(caller)
            if standing is not None:
                headers = [*_ALWAYS, *standing.headers]
                standing.check()
        except ProblemError as error:
            await refusal(Request(scope), error)(scope, receive, answer)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, answer)
