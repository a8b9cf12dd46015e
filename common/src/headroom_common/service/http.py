"""The HTTP server inside a service's process."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headroom_common.errors import PermanentError

IDLE_SECONDS: Final = 75
"""How long a connection may rest between two requests: longer than clients and proxies leave theirs (nginx a
minute), so that it is they who close it. Closed from here, a request that is on its way would be lost."""

_LAST: Final = (b"connection", b"close")


class ListenError(PermanentError):
    """HTTP cannot listen on the address that was given."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; connections wait in it until they are served.

    Args:
        host: name or address of this machine.
        port: port; 0 takes a free one.

    Raises:
        ListenError: the address is taken, or not of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is in use" if taken else os.strerror(error.errno) if error.errno else str(error)
        expected = "HEADROOM_HOST, HEADROOM_PORT: expected a free address of this machine"
        msg = f"{expected}, found {host}:{port} ({reason})"
        next_step = "Set HEADROOM_PORT to a free port, or to 0 to have one chosen."
        raise ListenError(msg, next_step=next_step) from error
    # Its connections inherit it. asyncio sets it where it opens the socket itself; without it the end of an
    # answer waits for the client to acknowledge its beginning, which takes up to 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class HttpServer(uvicorn.Server):
    """Serves an application until it is told to stop; signals are the process's business.

    Args:
        app: the application.
        timeout: seconds that answers under way may take once it is told to stop.
    """

    def __init__(self, app: ASGIApp, *, timeout: float) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=max(1, round(timeout)),
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class Farewell:
    """Makes every answer of an instance that leaves the last one of its connection.

    Its clients have to go to another instance, and are told so in an answer: a connection that is closed
    while a request is on its way breaks that request.

    Args:
        app: the application.
        leaving: tells whether the instance leaves.
    """

    def __init__(self, app: ASGIApp, leaving: Callable[[], bool]) -> None:
        self._app = app
        self._leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and self._leaving():
                message["headers"] = [*message.get("headers", ()), _LAST]
            await send(message)

        await self._app(scope, receive, answer)
