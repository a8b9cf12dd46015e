"""The tables of the store through time, run from the installed package by whichever instance starts first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK: Final = 0x68656164_616E6C79
"""Of PostgreSQL's advisory locks: who migrates holds it until the end of the transaction."""


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring a database to a revision; instances that start together take turns.

    Args:
        connection: in a transaction, which the caller commits; on SQLite it holds the whole database.
        revision: which one.
    """
    _take_turns(connection)
    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Bring a database back to a revision, "base" being an empty one; arguments as of `upgrade`."""
    _take_turns(connection)
    command.downgrade(_config(connection), revision)


def _take_turns(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "headroom_analysis:migrations")
    config.attributes["connection"] = connection
    return config
