"""Inserting what may be there already, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

_AT_ONCE: Final = 500


async def add_unless_there(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless one with its key is there or about to be; tell whether it was inserted."""
    # Not the count of rows: for PostgreSQL, SQLAlchemy does not keep it of single rows that are inserted.
    unless_there = _insertion(connection, table).returning(*table.primary_key)
    return (await connection.execute(unless_there, row)).first() is not None


async def add_all_unless_there(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]
) -> set[Any]:
    """Insert rows as above, equal keys once; return the first column of those that were inserted."""
    unless_there = _insertion(connection, table).returning(next(iter(table.primary_key)))
    added: set[Any] = set()
    for start in range(0, len(rows), _AT_ONCE):
        some = list(rows[start : start + _AT_ONCE])
        added.update((await connection.execute(unless_there, some)).scalars())
    return added


def _insertion(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
