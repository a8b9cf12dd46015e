"""A gateway as the commands of its users reach it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headroom.cli.guard import BadInputError
from headroom.client import AddressError, Client


@asynccontextmanager
async def visiting(gateway: str | None, *, insecure: bool, key: str | None = None) -> AsyncIterator[Client]:
    """A client of the gateway.

    Args:
        gateway: its URL; None takes the one of `headroom login`.
        insecure: send a key over plain HTTP to another machine.
        key: what it is told about who asks; None takes the user's own, and empty none.

    Raises:
        BadInputError: the URL or the key cannot be used.
    """
    try:
        client = Client(gateway, key, insecure=insecure)
    except AddressError as error:
        raise BadInputError(error.message, next_step=error.next_step) from error
    async with client:
        yield client
