"""API keys, without their secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from headroom_gateway.errors import NotFoundError
from headroom_gateway.representations import Key, Scope
from headroom_gateway.storage.schema import keys
from headroom_gateway.storage.times import from_us, maybe_from_us, to_us

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from headroom_gateway.storage.database import Database


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What decides whether a key is valid.

    Attributes:
        digest: SHA-256 of its secret.
        scope: what it allows.
        expires_at: when it ends; None for never.
        last_used_at: the last time that it was used, to the hour; None for never.
    """

    digest: bytes
    scope: Scope
    expires_at: datetime | None
    last_used_at: datetime | None


class Keys:
    """The stored keys.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: Key, digest: bytes) -> None:
        """Store a new key.

        Raises:
            TransientError: the database failed.
        """
        row = {
            "id": key.id,
            "name": key.name,
            "scope": key.scope.value,
            "digest": digest,
            "created_at_us": to_us(key.created_at),
            "created_by": key.created_by,
            "expires_at_us": None if key.expires_at is None else to_us(key.expires_at),
        }
        async with self._database.transaction() as connection:
            await connection.execute(insert(keys), row)

    async def list(self) -> list[Key]:
        """Return all keys, newest first.

        Raises:
            TransientError: the database failed.
        """
        query = select(keys).order_by(keys.c.created_at_us.desc(), keys.c.id.desc())
        async with self._database.reading() as connection:
            return [_shown(row) for row in await connection.execute(query)]

    async def find(self, identity: str) -> KeyRecord | None:
        """Return what decides whether a key is valid; None when there is none with this id.

        Raises:
            TransientError: the database failed.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(select(keys).where(keys.c.id == identity))).first()
        if row is None:
            return None
        shown = _shown(row)
        return KeyRecord(row.digest, shown.scope, shown.expires_at, shown.last_used_at)

    async def note_use(self, identity: str, hour: datetime) -> None:
        """Remember that a key was used in an hour.

        Raises:
            TransientError: the database failed.
        """
        before = or_(keys.c.last_used_at_us.is_(None), keys.c.last_used_at_us < to_us(hour))
        change = update(keys).where(keys.c.id == identity, before).values(last_used_at_us=to_us(hour))
        async with self._database.transaction() as connection:
            await connection.execute(change)

    async def delete(self, identity: str) -> None:
        """Remove a key.

        Raises:
            NotFoundError: there is none with this id.
            TransientError: the database failed.
        """
        async with self._database.transaction() as connection:
            found = await connection.execute(delete(keys).where(keys.c.id == identity))
        if not found.rowcount:
            message = f"key: expected the id of an API key, found {identity}"
            raise NotFoundError(message, next_step="List the keys with GET /api/v1/keys.")


def _shown(row: Row[Any]) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        scope=Scope(row.scope),
        created_at=from_us(row.created_at_us),
        created_by=row.created_by,
        expires_at=maybe_from_us(row.expires_at_us),
        last_used_at=maybe_from_us(row.last_used_at_us),
    )
