"""Request ids, and one log line per HTTP request."""

import asyncio
import re
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from headroom_common.logs import Log

HEADER: Final = "x-request-id"
"""Header with the id of a request: taken over when a client sends a sound one, and always answered."""

QUIET: Final = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Paths that machines ask all the time; these requests are not logged."""

_SOUND = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY = "headroom.request_id"
_log = Log(__name__)


def request_id(scope: Scope) -> str:
    """Return the id of a request that went through ``RequestLogs``."""
    found: str = scope.get(_KEY, "")
    return found


class RequestLogs:
    """Gives every request an id, binds it to the log context, and logs the answer.

    Args:
        app: the application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        offered = Headers(scope=scope).get(HEADER, "")
        identity = scope[_KEY] = offered if _SOUND.fullmatch(offered) else str(uuid4())
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = identity
                if scope["path"] not in QUIET:
                    duration_ms = round((loop.time() - began) * 1e3, 3)
                    status = message["status"]
                    _log.info(
                        "http request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        duration_ms=duration_ms,
                    )
            await send(message)

        with bound_contextvars(request_id=identity):
            try:
                await self._app(scope, receive, answer)
            except Exception:  # noqa: BLE001 - the boundary; the client has been answered by now
                _log.exception("http request failed", method=scope["method"], path=scope["path"])
