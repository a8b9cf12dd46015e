"""The tables of a service through time, brought up to date by whichever of its instances starts first."""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import func, select

from headroom_common.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_PATIENCE: Final = 10.0
_alembic: Final = Lock()  # Alembic keeps what it works on in globals of the process.


def upgrade(connection: Connection, package: str, revision: str = "head") -> None:
    """Bring a database to a revision; instances that start together take turns.

    Args:
        connection: in a transaction, which the caller commits; on SQLite it holds the whole database.
        package: where the migrations are, such as ``headroom_gateway:migrations``.
        revision: which one.

    Raises:
        TransientError: another migration of this process goes on.
    """
    with _taking_turns(connection, package):
        command.upgrade(_config(connection, package), revision)


def downgrade(connection: Connection, package: str, revision: str) -> None:
    """Bring a database back to a revision, "base" being an empty one; arguments as of `upgrade`."""
    with _taking_turns(connection, package):
        command.downgrade(_config(connection, package), revision)


@contextmanager
def _taking_turns(connection: Connection, package: str) -> Iterator[None]:
    """Migrate alone in this process; of PostgreSQL, hold a lock until the end of the transaction.

    Raises:
        TransientError: another migration of this process goes on.
    """
    if not _alembic.acquire(timeout=_PATIENCE):
        message = "the database: expected one migration at a time in a process, found another one"
        raise TransientError(message, next_step="It is tried again by itself.")
    try:
        if connection.dialect.name == "postgresql":
            lock = int.from_bytes(sha256(package.encode()).digest()[:8], signed=True)
            connection.execute(select(func.pg_advisory_xact_lock(lock)))
        yield
    finally:
        _alembic.release()


def _config(connection: Connection, package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", package)
    config.attributes["connection"] = connection
    return config
