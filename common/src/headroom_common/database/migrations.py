"""The tables of a service through time, brought up to date by whichever of its instances starts first."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy import Connection


def upgrade(connection: Connection, package: str, revision: str = "head") -> None:
    """Bring a database to a revision; instances that start together take turns.

    Args:
        connection: in a transaction, which the caller commits; on SQLite it holds the whole database.
        package: where the migrations are, such as ``headroom_gateway:migrations``.
        revision: which one.
    """
    _take_turns(connection, package)
    command.upgrade(_config(connection, package), revision)


def downgrade(connection: Connection, package: str, revision: str) -> None:
    """Bring a database back to a revision, "base" being an empty one; arguments as of `upgrade`."""
    _take_turns(connection, package)
    command.downgrade(_config(connection, package), revision)


def _take_turns(connection: Connection, package: str) -> None:
    """Hold one of PostgreSQL's advisory locks until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        lock = int.from_bytes(sha256(package.encode()).digest()[:8], signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(lock)))


def _config(connection: Connection, package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", package)
    config.attributes["connection"] = connection
    return config
