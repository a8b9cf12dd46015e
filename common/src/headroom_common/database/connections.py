"""Connections to PostgreSQL and SQLite, and what their failures mean to whoever asked."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from headroom_common.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection

WAIT_SECONDS: Final = 30
"""How long to wait for a connection of the pool, SQLite's write lock, and a statement of PostgreSQL."""

_POSTGRESQL: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 1000 * WAIT_SECONDS,
    "options": f"-c statement_timeout={WAIT_SECONDS}s",
}
"""Of libpq, so that a database that went silent is given up; a parameter in the URL goes before these."""

_NEXT_STEP: Final = "Look at the log of the database; what failed is tried again by itself."


def checked_address(url: str) -> URL:
    """Return the address of a database.

    Args:
        url: ``postgresql+psycopg://user:password@host:port/database`` or ``sqlite:///path``.

    Raises:
        PermanentError: the URL is of neither form.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        found = "something else"  # not repeated: it may hold a password
    else:
        if address.drivername == "postgresql":
            return address.set(drivername="postgresql+psycopg")
        if address.drivername in ("postgresql+psycopg", "sqlite"):
            return address
        found = f"{address.drivername}://"
    message = f"database URL: expected postgresql+psycopg:// or sqlite:///, found {found}"
    raise PermanentError(message, next_step="Mend the setting of the database's URL.")


def postgresql_arguments(address: URL, application: str) -> dict[str, Any]:
    """Return how to connect to PostgreSQL, as far as the address does not say it.

    Args:
        address: of the database.
        application: what the database's administrator sees.
    """
    arguments = _POSTGRESQL | {"application_name": application}
    return {name: value for name, value in arguments.items() if name not in address.query}


def prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a connection of the driver
    """Set a connection up; transactions are begun by us.

    A commit outlives this process and every other. Waiting for the disk as well, in case the machine loses
    power, would cost several times the rest; whoever needs that has PostgreSQL.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin_immediate(connection: Connection) -> None:
    """Take SQLite's write lock at the start: a lock taken later may fail at once instead of waiting."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def translated() -> Iterator[None]:
    """Raise the failures of a database as what they mean.

    Raises:
        TransientError: the database failed, is not there, or let another one go first. Whether a transaction
            that failed while it was committed took effect is unknown: what is done in it must be repeatable.
    """
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        message = f"the database: {_reason(error)}"
        raise TransientError(message, next_step=_NEXT_STEP) from error


def _reason(error: DBAPIError | PoolTimeoutError) -> str:
    """Say what went wrong in one line, without statements and values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0]}" if lines else type(cause).__name__
