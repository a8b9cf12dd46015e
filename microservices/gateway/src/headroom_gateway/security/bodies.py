"""Limits of request bodies: their size, and the time in which they have to be there."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headroom_common.service.problems import ProblemError, refusal
from headroom_gateway.security.settings import BodySettings

_BODY: Final = "http.response.body"
_CLOSE: Final = (b"connection", b"close")
_LINGER: Final = 5.0
"""Seconds for which the rest of a body is taken, and thrown away, once its request has been answered."""


class BodyLimits:
    """Refuses bodies that are too large or too slow, without keeping any of them.

    An announced size is looked at before the body is asked for; a body without one is counted as it comes.
    The application meets the refusal where it reads the body. An answer that is given before the body is
    there ends the connection: what still comes is nobody's.

    Args:
        app: the application inside.
        settings: the limits.
    """

    def __init__(self, app: ASGIApp, settings: BodySettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        announced = _announced(scope) if scope["type"] == "http" else 0
        if announced == 0:
            await self._app(scope, receive, send)
            return
        body = _Body(receive, send, self._settings)
        if announced is not None and announced > self._settings.max_bytes:
            error = body.too_large(announced)
            await refusal(Request(scope), error)(scope, body.receive, body.send)
            return
        await self._app(scope, body.receive, body.send)


class _Body:
    """The body of one request, on its way to the application."""

    def __init__(self, receive: Receive, send: Send, settings: BodySettings) -> None:
        self._receive = receive
        self._send = send
        self._settings = settings
        self._deadline = asyncio.get_running_loop().time() + settings.timeout
        self._size = 0
        self._complete = False
        self._answered_early = False

    def too_large(self, announced: int | None) -> ProblemError:
        """Return the refusal of a body of so many bytes; None for one that does not say how many."""
        limit = self._settings.max_bytes
        found = "more" if announced is None else announced
        return ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "body-too-large",
            f"The body: expected at most {limit} bytes, found {found}.",
        )

    async def receive(self) -> Message:
        """Return the next part of the body, or whatever comes after it.

        Raises:
            ProblemError: the body is too large or too slow.
        """
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            limit = self._settings.timeout
            detail = f"The body: expected all of it within {limit:g} s, found {self._size} bytes of it."
            raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, "body-too-slow", detail) from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._size > self._settings.max_bytes:
                self._complete = False
                raise self.too_large(None)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer; one before the end of the body is the last of its connection."""
        if message["type"] == "http.response.start" and not self._complete:
            self._answered_early = True
            others = [pair for pair in message.get("headers", ()) if pair[0].lower() != _CLOSE[0]]
            message = {**message, "headers": [*others, _CLOSE]}
        if self._answered_early and not message.get("more_body", message["type"] != _BODY):
            await self._send({**message, "more_body": True})
            await self._discard()
            message = {"type": _BODY}
        await self._send(message)

    async def _discard(self) -> None:
        """Take what still comes, for a while, and not beyond the time of the body.

        A connection that is closed with something unread in it is reset, and a client that is still sending
        then never reads the answer.
        """
        until = min(self._deadline, asyncio.get_running_loop().time() + _LINGER)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while not self._complete:
                    message = await self._receive()
                    self._complete = not message.get("more_body", False)


def _announced(scope: Scope) -> int | None:
    """Return the bytes that a request says to bring; None for a body of unknown size."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length
