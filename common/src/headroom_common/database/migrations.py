"""The tables of a service through time, brought up to date by its instances, or by a command before them.

A revision leaves the tables as the version before can use them, and is never removed from the code. So one
that a version does not know was made by a newer version, and is as good.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text

from headroom_common.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_PATIENCE: Final = 10.0
_LOCK_SECONDS: Final = 5
_alembic: Final = Lock()  # Alembic keeps what it works on in globals of the process.


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did.

    Attributes:
        before: revision of the tables before; None when there were none.
        after: their revision now.
    """

    before: str | None
    after: str | None


def upgrade(connection: Connection, package: str, revision: str = "head") -> Migrated:
    """Bring a database to a revision, unless a newer version has been there; instances take turns.

    Args:
        connection: in a transaction, which the caller commits; on SQLite it holds the whole database.
        package: where the migrations are, such as ``headroom_gateway:migrations``.
        revision: which one.

    Raises:
        TransientError: another migration of this process goes on.
    """
    with _taking_turns(connection, package):
        config = _config(connection, package)
        before = _revision(connection)
        if _known(config, before):
            command.upgrade(config, revision)
        return Migrated(before, _revision(connection))


def check_tables(connection: Connection, package: str) -> None:
    """Return if the tables are as this version needs them, or newer; changes nothing.

    Args:
        connection: to the database.
        package: where the migrations are, such as ``headroom_gateway:migrations``.

    Raises:
        TransientError: there are none, or they are older.
    """
    config = _config(connection, package)
    found, newest = _revision(connection), ScriptDirectory.from_config(config).get_current_head()
    if found != newest and _known(config, found):
        message = f"the database's tables: expected revision {newest} or newer, found {found or 'none'}"
        next_step = f"Run `python -m {package.partition(':')[0]} migrate`, or wait for whoever does."
        raise TransientError(message, next_step=next_step)


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
            # It takes the time that it needs, but others are not kept waiting behind its wait for a table.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        yield
    finally:
        _alembic.release()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _known(config: Config, revision: str | None) -> bool:
    """Tell whether this version knows a revision of the tables; that there are none, it knows."""
    script = ScriptDirectory.from_config(config)
    return revision is None or revision in {known.revision for known in script.walk_revisions()}


def _config(connection: Connection, package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", package)
    config.attributes["connection"] = connection
    return config
