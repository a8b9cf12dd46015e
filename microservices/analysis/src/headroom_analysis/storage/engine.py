"""Connections to the database, and its transactions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from sqlalchemy import create_engine, event
from sqlalchemy.pool import QueuePool

from headroom_common.database.connections import (
    WAIT_SECONDS,
    begin_immediate,
    checked_address,
    postgresql_arguments,
    prepare_sqlite,
    translated,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

MIGRATIONS: Final = "headroom_analysis:migrations"
"""Where the steps of the tables are."""


def open_engine(url: str, *, connections: int = 4) -> Engine:
    """Return connections to a database; nothing is connected yet.

    Args:
        url: ``postgresql+psycopg://user:password@host:port/database`` or ``sqlite:///path``.
        connections: most of them, to PostgreSQL. SQLite has one writer, so its threads share one.

    Raises:
        PermanentError: the URL is of neither form.
    """
    address = checked_address(url)
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
        event.listen(engine, "connect", prepare_sqlite)
        event.listen(engine, "begin", begin_immediate)
        return engine
    return create_engine(
        address,
        module=psycopg,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        isolation_level="READ COMMITTED",
        connect_args=postgresql_arguments(address, "headroom-analysis"),
        hide_parameters=True,
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Give one transaction: committed at the end, undone when anything is raised.

    Raises:
        TransientError: the database failed, is not there, or let another one go first. Whether a transaction
            that failed while it was committed took effect is unknown: what is done in it must be repeatable.
    """
    with translated(), engine.begin() as connection:
        yield connection
