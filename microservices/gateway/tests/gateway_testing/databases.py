"""Databases with tables, made by copying one."""

import asyncio

import psycopg
from headroom_servers.postgres import Postgres

from headroom_gateway.storage.database import Database


def migrated(url: str) -> str:
    """Make the tables in an empty database; return its URL."""

    async def migrate() -> None:
        database = Database(url)
        await database.migrate()
        await database.close()

    # In a thread of its own: the caller's may have a running event loop.
    with asyncio.Runner() as runner:
        runner.run(migrate())
    return url


def copied(server: Postgres, url: str, name: str) -> str:
    """Copy a database of a server that nobody is connected to; return the new one's URL."""
    administration = server.url("postgres").replace("+psycopg", "")
    template = url.rpartition("/")[2]
    with psycopg.connect(administration, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url(name)
