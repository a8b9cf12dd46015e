"""Databases with tables, made by copying one."""

import asyncio
import threading
from typing import Final

import psycopg
from headroom_servers.postgres import Postgres

from gateway_testing.waits import until
from headroom_gateway.storage.database import Database

DATABASES: Final = ("sqlite", "postgresql")


def migrated(url: str) -> str:
    """Make the tables in an empty database; return its URL."""

    async def migrate() -> None:
        database = Database(url)
        await database.migrate()
        await database.close()

    asyncio.run(migrate())
    return url


def copied(server: Postgres, url: str, name: str) -> str:
    """Copy a database of a server that nobody is connected to; return the new one's URL."""
    administration = server.url("postgres").replace("+psycopg", "")
    template = url.rpartition("/")[2]
    with psycopg.connect(administration, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url(name)


def sqlite_threads() -> set[threading.Thread]:
    """Return the threads of connections to SQLite."""
    return {one for one in threading.enumerate() if "_connection_worker" in one.name}


async def sqlite_threads_ended(but: set[threading.Thread]) -> None:
    """Wait for the threads of connections that failed to open: they end by themselves, and need the loop.

    Args:
        but: those that were there before, of databases that other tests have open.
    """
    await until(lambda: sqlite_threads() <= but)
