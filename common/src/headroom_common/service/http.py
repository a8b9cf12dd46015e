"""The HTTP server inside a service's process."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from headroom_common.errors import PermanentError


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
            timeout_graceful_shutdown=max(1, round(timeout)),
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield
