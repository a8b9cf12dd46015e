"""Inserting what may be there already, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add_unless_there(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless one with its key is there or about to be; tell whether it was inserted."""
    insertion = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Not the count of rows: for PostgreSQL, SQLAlchemy does not keep it of single rows that are inserted.
    unless_there = insertion(table).on_conflict_do_nothing().returning(*table.primary_key)
    return (await connection.execute(unless_there, row)).first() is not None
