"""One life of the connection to RabbitMQ: it is opened, used, lost, and never mended.

What belongs to a session is void when the session is lost; the transport then opens another one. So there is
one way to recover, whatever broke: a socket, a channel, a consumer.
"""

import asyncio
import itertools
import logging
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AuthenticationError,
    DeliveryError,
    InvalidFrameError,
    ProbableAuthenticationError,
    PublishError,
)

from headroom_common.errors import HeadroomError, PermanentError
from headroom_common.logs import Log
from headroom_common.transports.port import ConnectionLostError, PublishRefusedError
from headroom_common.transports.settings import BrokerSettings

_BLOCKED_POLL: Final = 0.2
_log = Log(__name__)
_CLOSE_DEADLINE: Final = 5.0
_LARGE: Final = 2**14
_BROKEN: Final = "the connection broke under the call"

# What goes wrong is raised or told to the listener; the libraries' own lines would say it twice.
for _library in ("aio_pika", "aiormq"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)


@contextmanager
def broker_errors() -> Iterator[None]:
    """Turn what the AMQP library raises into the port's errors.

    Among that is ``CancelledError``: a missed heartbeat cancels the calls that wait, and only the task knows
    whether it is meant itself.

    Raises:
        PublishRefusedError: the broker did not take a message.
        ConnectionLostError: the connection broke.
    """
    try:
        yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise _lost(_BROKEN) from None
    except PublishError as error:
        refusal = f"no queue takes it: {error}"
        raise PublishRefusedError(refusal, next_step="Declare the queue that is missing.") from error
    except DeliveryError as error:
        refusal = "the broker refused a message: a queue that takes it is full"
        raise PublishRefusedError(refusal, next_step="Wait for its consumers, or start more.") from error
    except CONNECTION_EXCEPTIONS as error:
        raise _lost(describe(error)) from error
    except Exception as error:
        # Calls that wait while the library closes a connection get the bare class.
        if type(error) is not Exception:
            raise
        raise _lost(_BROKEN) from error


def describe(error: BaseException | None) -> str:
    """Return what an error says on one line, or its class when it says nothing."""
    if error is None:
        return "closed"
    return " ".join(str(error).split()) or type(error).__name__


def _lost(reason: str) -> ConnectionLostError:
    return ConnectionLostError(reason, next_step="Nothing: it is tried again when the connection is back.")


class Session:
    """Two connections that live and die together: one publishes, the other one consumes.

    A broker that is short of memory stops reading what publishers send, and acknowledgements have to pass all
    the same.

    Args:
        consuming: connection of the consumers.
        publishing: connection of the publishing channel.
        channel: the publishing channel, with confirms.
        publisher: what lies under it.

    Attributes:
        lost: done when the session is over, with the reason.
    """

    def __init__(
        self,
        consuming: AbstractConnection,
        publishing: AbstractConnection,
        channel: AbstractChannel,
        publisher: Any,  # noqa: ANN401 - the abstract channel does not declare all parameters of a publish
    ) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._consuming = consuming
        self._publishing = publishing
        self._channel = channel
        self._publisher = publisher
        self._calls: set[asyncio.Timeout] = set()
        self._may_publish = asyncio.Event()
        self._may_publish.set()
        self._watcher: asyncio.Task[None] | None = None
        self._ids = (f"{uuid.uuid4().hex}-{number}" for number in itertools.count())
        consuming.close_callbacks.add(self._closed)
        publishing.close_callbacks.add(self._closed)
        channel.close_callbacks.add(self._closed)

    @classmethod
    async def open(cls, settings: BrokerSettings, name: str) -> "Session":
        """Connect.

        Raises:
            PermanentError: the broker refuses this client, and will again.
            ConnectionLostError: it cannot be reached.
        """
        opened: list[AbstractConnection] = []
        try:
            with broker_errors():
                async with asyncio.timeout(settings.connection_timeout):
                    opened.append(await _connect(settings, f"{name} (consumer)"))
                    opened.append(await _connect(settings, f"{name} (publisher)"))
                    channel = await opened[1].channel(publisher_confirms=True, on_return_raises=True)
                    publisher = await channel.get_underlay_channel()
        except BaseException as error:
            for connection in opened:
                await _close(connection)
            if isinstance(error, ConnectionLostError):
                raise _refusal(settings, error) from error.__cause__
            raise
        return cls(opened[0], opened[1], channel, publisher)

    def next_id(self) -> str:
        """Return an id for one publish: returned messages are told apart by it, so it never repeats."""
        return next(self._ids)

    def watch_for_alarms(self, listener: Callable[[bool], None]) -> None:
        """Have ``listener`` told when the broker stops (True) and resumes (False) taking messages."""
        self._watcher = asyncio.get_running_loop().create_task(self._watch(listener))

    def require(self) -> None:
        """Make sure that the session is not over.

        Raises:
            ConnectionLostError: it is.
        """
        if self.lost.done():
            raise _lost(self.lost.result())

    def lose(self, reason: str) -> None:
        """End the session's usefulness, and all calls that wait; who opened it closes it."""
        if self.lost.done():
            return
        self.lost.set_result(reason)
        self._may_publish.set()
        for call in self._calls:
            call.reschedule(0)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Call the library within this, and not longer than the session lasts.

        The library leaves a call waiting for ever that found its queue of frames full when the connection
        broke.

        Raises:
            PublishRefusedError: the broker did not take a message.
            ConnectionLostError: the connection broke.
        """
        self.require()
        with broker_errors():
            async with asyncio.timeout(None) as call:
                self._calls.add(call)
                try:
                    yield
                finally:
                    self._calls.discard(call)

    async def publish(self, exchange: str, key: str, message: aio_pika.Message, *, mandatory: bool) -> None:
        """Publish a message and wait for the confirm.

        Raises:
            PublishRefusedError: a queue is full, or, when it is mandatory, no queue takes it.
            ConnectionLostError: whether the broker has it is unknown.
        """
        await self._may_publish.wait()
        async with self.calling():
            # Below the library's exchanges, which let no publish begin before the one before it is written.
            await self._publisher.basic_publish(
                message.body,
                exchange=exchange,
                routing_key=key,
                properties=message.properties,
                mandatory=mandatory,
                wait=len(message.body) >= _LARGE,
            )

    async def channel(self) -> AbstractChannel:
        """Open a channel on the consumers' connection; the caller closes it.

        Raises:
            ConnectionLostError: the connection broke.
        """
        async with self.calling():
            return await self._consuming.channel(publisher_confirms=False)

    async def consumer_channel(self, prefetch: int) -> AbstractChannel:
        """Open a channel for a consumer; the session is over when it breaks, or its consumer is cancelled.

        Raises:
            ConnectionLostError: the connection broke.
        """
        channel = await self.channel()
        async with self.calling():
            await channel.set_qos(prefetch_count=prefetch)
            inner = await channel.get_underlay_channel()
        channel.close_callbacks.add(self._closed)
        inner.on_consumer_cancel_callbacks.add(self._consumer_cancelled)
        return channel

    async def close(self) -> None:
        """Leave the broker."""
        self.lose("closed")
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await asyncio.gather(_close(self._publishing), _close(self._consuming))

    def _closed(self, _: object, error: BaseException | None = None) -> None:
        self.lose(describe(error))

    def _consumer_cancelled(self, _: object) -> None:
        self.lose("the broker cancelled a consumer: its queue was deleted or moved")

    async def _watch(self, listener: Callable[[bool], None]) -> None:
        transport = self._publishing.transport
        while transport is not None and not self.lost.done():
            # The library tells nobody about Connection.Blocked, but ``ready`` waits while it holds.
            try:
                async with asyncio.timeout(_BLOCKED_POLL):
                    await transport.ready()
            except TimeoutError:
                self._may_publish.clear()
                listener(True)  # noqa: FBT003 - as the listener is declared
                await transport.ready()
                self._may_publish.set()
                listener(False)  # noqa: FBT003 - as above
            await asyncio.sleep(_BLOCKED_POLL)


class _Connection(aio_pika.Connection):
    """A connection that is closed when it was never made.

    The library would close it when it is collected, which is not possible in every thread and at every time.
    """

    async def connect(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in the library
        """Connect, or be closed."""
        try:
            await super().connect(timeout)
        except BaseException:
            await self.close()
            raise


async def _connect(settings: BrokerSettings, name: str) -> AbstractConnection:
    options: dict[str, Any] = {"name": name, "heartbeat": settings.heartbeat}
    url = settings.url.get_secret_value()
    connection: AbstractConnection = await aio_pika.connect(
        url,
        ssl_context=_tls(settings) if url.startswith("amqps:") else None,
        client_properties={"connection_name": name, "product": "headroom"},
        connection_class=_Connection,
        **options,
    )
    return connection


def _tls(settings: BrokerSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.certificate_file is not None:
            context.load_cert_chain(settings.certificate_file, settings.key_file)
    except OSError as error:
        msg = f"certificates for {settings.address} cannot be read: {describe(error)}"
        raise PermanentError(msg, next_step="Check ca_file, certificate_file and key_file.") from error
    if not settings.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refusal(settings: BrokerSettings, error: ConnectionLostError) -> HeadroomError:
    """Tell a broker that is away from one that will refuse this client again."""
    cause = error.__cause__
    if isinstance(cause, (ProbableAuthenticationError, AuthenticationError)):
        msg = f"{settings.address}: the broker refuses user and password"
        return PermanentError(msg, next_step="Check the user and the password in the broker's URL.")
    if isinstance(cause, InvalidFrameError):
        # The library expects no refusal at this point, and does not say what it was.
        msg = f"{settings.address}: the virtual host does not exist, or the user may not use it"
        return PermanentError(msg, next_step="Check the path of the broker's URL and the user's permissions.")
    if cause is not None and isinstance(cause.__cause__, ssl.SSLCertVerificationError):
        msg = f"{settings.address}: the broker's certificate is not trusted: {cause.__cause__.verify_message}"
        return PermanentError(msg, next_step="Check ca_file and the host in the broker's URL.")
    msg = f"{settings.address} cannot be reached: {error.message}"
    return ConnectionLostError(msg, next_step="Start the broker, or check its URL.")


async def _close(connection: AbstractConnection) -> None:
    # Not under a time-out's cancellation: the library's closing waits on in spite of one.
    closing = asyncio.ensure_future(connection.close())
    await asyncio.wait({closing}, timeout=_CLOSE_DEADLINE)
    if not closing.done():
        closing.cancel()
    elif not closing.cancelled() and (error := closing.exception()) is not None:
        _log.debug("connection closed with an error", reason=describe(error))
