"""Connections to the database, and what its failures mean to the event in hand."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from headroom_common.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

WAIT_SECONDS: Final = 30
"""How long to wait for a connection of the pool, SQLite's write lock, and a statement of PostgreSQL."""

_POSTGRESQL: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 1000 * WAIT_SECONDS,
    "options": f"-c statement_timeout={WAIT_SECONDS}s",
    "application_name": "headroom-analysis",
}
"""Of libpq, so that a database that went silent is given up; a parameter in the URL goes before these."""

_NEXT_STEP: Final = "Look at the log of the database; the event is tried again by itself."


def open_engine(url: str, *, connections: int = 4) -> Engine:
    """Return connections to a database; nothing is connected yet.

    Args:
        url: ``postgresql+psycopg://user:password@host:port/database`` or ``sqlite:///path``.
        connections: most of them, to PostgreSQL. SQLite has one writer, so its threads share one.

    Raises:
        PermanentError: the URL is of neither form.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        engine = create_engine(
            address,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=WAIT_SECONDS,
            connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False},
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine
    arguments = {name: value for name, value in _POSTGRESQL.items() if name not in address.query}
    return create_engine(
        address,
        module=psycopg,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        isolation_level="READ COMMITTED",
        connect_args=arguments,
        hide_parameters=True,
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Give one transaction: committed at the end, undone when anything is raised.

    Raises:
        TransientError: the database failed, is not there, or let another one go first. Whether a transaction
            that failed while it was committed took effect is unknown: what is done in it must be repeatable.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except (DBAPIError, PoolTimeoutError) as error:
        message = f"the database: {_reason(error)}"
        raise TransientError(message, next_step=_NEXT_STEP) from error


def _address(url: str) -> URL:
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


def _reason(error: DBAPIError | PoolTimeoutError) -> str:
    """Say what went wrong in one line, without statements and values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0]}" if lines else type(cause).__name__


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a connection of the driver
    """Set a connection up; transactions are begun by us.

    A commit outlives this process and every other. Waiting for the disk as well, in case the machine loses
    power, would cost several times the rest; whoever needs that has PostgreSQL.
    """
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at the start: a lock taken later may fail at once instead of waiting."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
