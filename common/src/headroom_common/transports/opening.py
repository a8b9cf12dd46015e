"""Where the scheme of a URL chooses the transport."""

from typing import Final
from urllib.parse import urlsplit

from headroom_common.errors import PermanentError
from headroom_common.transports.port import Transport
from headroom_common.transports.settings import BrokerSettings

SCHEMES: Final = ("amqp", "amqps")
"""Schemes of the URLs that a transport is known for."""


def open_transport(settings: BrokerSettings, *, name: str) -> Transport:
    """Return a transport to the broker of the settings, which is not connected yet.

    Args:
        settings: of the broker.
        name: what the broker calls the connection, such as ``router/router-0``.

    Raises:
        PermanentError: no transport speaks the scheme of the URL.
    """
    scheme = urlsplit(settings.url.get_secret_value()).scheme
    if scheme not in SCHEMES:
        msg = (
            f"url: expected {' or '.join(f'{known}://…' for known in SCHEMES)}, found {scheme or 'no'} scheme"
        )
        raise PermanentError(msg, next_step="Give the broker's URL, such as amqp://user:password@host:5672/.")
    from headroom_common.transports.rabbitmq import RabbitTransport  # noqa: PLC0415 - embedded runs need no aio_pika

    return RabbitTransport(settings, name=name)
