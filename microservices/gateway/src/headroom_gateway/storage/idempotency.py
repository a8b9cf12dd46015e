"""Requests that come twice: what one was answered with, under the key that its client gave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from headroom_gateway.errors import ReusedKeyError
from headroom_gateway.storage.inserts import add_unless_there
from headroom_gateway.storage.schema import idempotency
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncConnection

Made = Literal["run_id", "experiment_id"]
"""What a request made."""


class TwinError(Exception):
    """The same request is being accepted twice at this moment."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may come twice.

    Attributes:
        principal: who asks.
        key: equal for requests of which only the first counts; None for none.
        fingerprint: SHA-256 of what is asked.
        made: what it makes.
    """

    principal: str
    key: str | None
    fingerprint: str
    made: Made

    async def repeated(self, connection: AsyncConnection) -> UUID | None:
        """Return what this very request was answered with before, None when it was not.

        Raises:
            ReusedKeyError: the key came with another request.
        """
        if self.key is None:
            return None
        own = (idempotency.c.principal == self.principal, idempotency.c.key == self.key)
        known = (await connection.execute(select(idempotency).where(*own))).mappings().first()
        if known is None:
            return None
        if known["fingerprint"] != self.fingerprint:
            message = (
                f"Idempotency-Key: expected {self.key!r} with the same request as before, found another one"
            )
            raise ReusedKeyError(message, next_step="Use a new key for a new request.")
        made: UUID | None = known[self.made]
        return made

    async def remember(self, connection: AsyncConnection, made: UUID, now: datetime) -> None:
        """Note what the request is answered with, in the transaction that makes it.

        Raises:
            TwinError: the same request was accepted meanwhile.
        """
        if self.key is None:
            return
        row = {
            "principal": self.principal,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "run_id": None,
            "experiment_id": None,
            self.made: made,
            "created_at_us": to_us(now),
        }
        if not await add_unless_there(connection, idempotency, row):
            raise TwinError
