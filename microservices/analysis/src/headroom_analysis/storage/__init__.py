"""Statistics kept in a database, so that they outlive the process; imported by composition roots alone."""

from headroom_analysis.storage.engine import open_engine
from headroom_analysis.storage.sql_store import SqlStore, open_store

__all__ = ["SqlStore", "open_engine", "open_store"]
