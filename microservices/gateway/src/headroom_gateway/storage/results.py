"""Result documents by their hash, stored as they are published."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import delete, exists, select

from headroom_common.result_format import published
from headroom_gateway.errors import NoResultError
from headroom_gateway.storage.inserts import add_unless_there
from headroom_gateway.storage.schema import results, runs
from headroom_gateway.storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from headroom_gateway.storage.database import Database

_KEPT_BYTES: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Identity:
    """What decides the result of a run, to the byte.

    Attributes:
        scenario_id: SHA-256 of the scenario.
        seed: seed of all randomness.
        trials: how many replications.
        confidence: level of the intervals.
    """

    scenario_id: str
    seed: int
    trials: int
    confidence: float

    def cache_key(self, engine_version: str) -> str:
        """Return the key of the result that this version of the engine gives."""
        text = f"{self.scenario_id} {self.seed} {self.trials} {self.confidence!r} {engine_version}"
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class NewResult:
    """A result document, ready to be stored.

    Attributes:
        hash: SHA-256 of the document as it is published.
        row: its row but for when it was stored.
    """

    hash: str
    row: dict[str, Any]

    @classmethod
    async def of(cls, document: Mapping[str, Any], identity: Identity) -> NewResult:
        """Return what is stored of a document; the work is done in a thread."""
        return await asyncio.to_thread(cls._of, document, identity)

    @classmethod
    def _of(cls, document: Mapping[str, Any], identity: Identity) -> NewResult:
        text = published(document)
        name = sha256(text).hexdigest()
        partial = "partial" in document
        row = {
            "hash": name,
            "cache_key": None if partial else identity.cache_key(document["engine_version"]),
            "document": zlib.compress(text),
            "size": len(text),
            "verdict": document["verdict"],
            "trials": document["trials"],
            "partial": partial,
        }
        return cls(name, row)


class HotSet(Protocol):
    """Where documents that are asked for often are kept closer than in the database."""

    async def get(self, name: str) -> bytes | None:
        """Return a deflated document, None when it is not kept or cannot be had now."""
        ...

    async def put(self, name: str, deflated: bytes) -> None:
        """Keep a deflated document, if that can be done now."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class LocalHotSet:
    """Documents in this process, the latest ones.

    Args:
        kept_bytes: how many bytes of deflated documents.
    """

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._documents: OrderedDict[str, bytes] = OrderedDict()
        self._free = kept_bytes

    async def get(self, name: str) -> bytes | None:
        """Return a deflated document, None when it is not kept."""
        if name in self._documents:
            self._documents.move_to_end(name)
        return self._documents.get(name)

    async def put(self, name: str, deflated: bytes) -> None:
        """Keep a deflated document."""
        if name in self._documents:
            return
        self._documents[name] = deflated
        self._free -= len(deflated)
        while self._free < 0:
            _, oldest = self._documents.popitem(last=False)
            self._free += len(oldest)

    async def close(self) -> None:
        """Let go of all of them."""
        self._documents.clear()


class Results:
    """The stored result documents.

    Args:
        database: where they are.
        hot: where some of them are, too.
    """

    def __init__(self, database: Database, hot: HotSet) -> None:
        self._database = database
        self._hot = hot

    async def put(self, connection: AsyncConnection, new: NewResult, now: datetime) -> None:
        """Store a document within a transaction."""
        await add_unless_there(connection, results, new.row | {"created_at_us": to_us(now)})

    async def document(self, name: str) -> bytes:
        """Return a document as it is published: JSON in UTF-8.

        Raises:
            NoResultError: it has been removed.
            TransientError: the database failed.
        """
        deflated = await self._hot.get(name)
        if deflated is None:
            query = select(results.c.document).where(results.c.hash == name)
            async with self._database.reading() as connection:
                deflated = (await connection.execute(query)).scalar()
            if deflated is None:
                message = "result: expected a stored one, found that it has been removed"
                raise NoResultError(message)
            await self._hot.put(name, deflated)
        return zlib.decompress(deflated)

    async def remove_unused(self, connection: AsyncConnection) -> None:
        """Remove the documents that no run refers to."""
        used = exists().where(runs.c.result_hash == results.c.hash)
        await connection.execute(delete(results).where(~used))
