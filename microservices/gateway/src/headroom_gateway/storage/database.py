"""Connections to the gateway's database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

from headroom_common.database.connections import (
    WAIT_SECONDS,
    begin_immediate,
    checked_address,
    postgresql_arguments,
    prepare_sqlite,
    translated,
)
from headroom_common.database.migrations import Migrated, check_tables, upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection

MIGRATIONS: Final = "headroom_gateway:migrations"
"""Where the tables' history is."""


class Database:
    """Connections for reading, which hold nothing up, and for writing, in transactions.

    Args:
        url: ``postgresql+psycopg://user:password@host:port/database`` or ``sqlite:///path``.
        connections: most connections of each kind at once; SQLite has one writer.

    Raises:
        PermanentError: the URL is of neither form.
    """

    def __init__(self, url: str, *, connections: int = 8) -> None:
        address = checked_address(url)
        common: dict[str, Any] = {
            "max_overflow": 0,
            "pool_timeout": WAIT_SECONDS,
            "hide_parameters": True,
        }
        if address.get_backend_name() == "sqlite":
            address = address.set(drivername="sqlite+aiosqlite")
            common["connect_args"] = {"timeout": WAIT_SECONDS}
            self._writing = create_async_engine(address, pool_size=1, **common)
            event.listen(self._writing.sync_engine, "begin", begin_immediate)
        else:
            common["connect_args"] = postgresql_arguments(address, "headroom-gateway")
            self._writing = create_async_engine(
                address, pool_size=connections, isolation_level="READ COMMITTED", **common
            )
        self._reading = create_async_engine(
            address,
            pool_size=connections,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,  # there is nothing to undo, and it is on the way of every request
            **common,
        )
        if address.get_backend_name() == "sqlite":
            for engine in (self._writing, self._reading):
                event.listen(engine.sync_engine, "connect", prepare_sqlite)

    @property
    def is_postgresql(self) -> bool:
        """Whether it is PostgreSQL, which several instances of the gateway may share."""
        return self._writing.dialect.name == "postgresql"

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give one transaction: committed at the end, undone when anything is raised.

        Raises:
            TransientError: the database failed, is not there, or let another one go first.
        """
        with translated():
            async with self._writing.begin() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for single statements that change nothing.

        Raises:
            TransientError: the database failed or is not there.
        """
        with translated():
            async with self._reading.connect() as connection:
                yield connection

    async def migrate(self) -> Migrated:
        """Bring the tables up to date.

        Raises:
            TransientError: the database failed or is not there.
        """
        async with self.transaction() as connection:
            return await connection.run_sync(upgrade, MIGRATIONS)

    async def check_tables(self) -> None:
        """Return if the tables are up to date.

        Raises:
            TransientError: they are not, or the database failed or is not there.
        """
        async with self.reading() as connection:
            await connection.run_sync(check_tables, MIGRATIONS)

    async def check(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            TransientError: it gave none.
        """
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        for engine in (self._writing, self._reading):
            await engine.dispose()
