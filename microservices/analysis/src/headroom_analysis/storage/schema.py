"""The tables of the store, as the newest migration leaves them.

A run's row outlives its statistics, so that late events of an unwanted run do not revive it. While a trial is
in flight, its parts lie in `parts`; a complete trial is one summary in its own row.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
)

RUNNING: Final = "running"
FINISHED: Final = "finished"
DISCARDED: Final = "discarded"

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

runs: Final = Table(
    "runs",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("state", String(16), nullable=False),  # RUNNING, FINISHED or DISCARDED
    Column("trials_done", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),  # of the complete trials
    Column("last_trial", BigInteger),  # the one that completed the run
    Column(
        "changed_at", BigInteger, nullable=False, index=True
    ),  # seconds since 1970: begun, trial done, ended
    Column("totals", LargeBinary),  # of the complete trials together
    Column("result", LargeBinary),  # of an ended run: its document, perhaps a partial one, as canonical JSON
    Column("parameters", LargeBinary),  # of a running run: its parameters as JSON, since revision 0002
)

trials: Final = Table(
    "trials",
    metadata,
    Column("run_id", Uuid, ForeignKey(runs.c.run_id, ondelete="CASCADE"), primary_key=True),
    Column("trial", BigInteger, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("watermark_ns", BigInteger, nullable=False),  # at most the horizon
    Column("final_segment", BigInteger),
    Column("last_segment", BigInteger, nullable=False),
    Column("full_segments", BigInteger, nullable=False),  # of which every part is there
    Column("merged_bytes", BigInteger, nullable=False),  # size of the statistics that were merged last
    Column("loose_bytes", BigInteger, nullable=False),  # size of those that came since
    Column("completed_segment", BigInteger),  # with completed_part: the part that completed the trial
    Column("completed_part", BigInteger),
    Column("summary", LargeBinary),  # of a complete trial
)
_in_flight = trials.c.completed_segment.is_(None)
Index("ix_trials_in_flight", trials.c.run_id, postgresql_where=_in_flight, sqlite_where=_in_flight)

parts: Final = Table(
    "parts",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("trial", BigInteger, primary_key=True),
    Column("segment", BigInteger, primary_key=True),
    Column("part", BigInteger, primary_key=True),
    Column("parts", BigInteger, nullable=False),  # how many the segment has
    Column("statistics", LargeBinary),  # its own and perhaps those of others, whose rows are then without
    ForeignKeyConstraint(["run_id", "trial"], ["trials.run_id", "trials.trial"], ondelete="CASCADE"),
)
