"""Runs, trials and parts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Uuid, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("trials_done", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("last_trial", sa.BigInteger),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("totals", sa.LargeBinary),
        sa.Column("result", sa.LargeBinary),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_changed_at", "runs", ["changed_at"])
    _create_trials()
    op.create_table(
        "parts",
        sa.Column("run_id", sa.Uuid, nullable=False),
        sa.Column("trial", sa.BigInteger, nullable=False),
        sa.Column("segment", sa.BigInteger, nullable=False),
        sa.Column("part", sa.BigInteger, nullable=False),
        sa.Column("parts", sa.BigInteger, nullable=False),
        sa.Column("statistics", sa.LargeBinary),
        sa.PrimaryKeyConstraint("run_id", "trial", "segment", "part", name="pk_parts"),
        sa.ForeignKeyConstraint(
            ["run_id", "trial"], ["trials.run_id", "trials.trial"], "fk_parts_trials", ondelete="CASCADE"
        ),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table, column in (("runs", "totals"), ("parts", "statistics")):  # compressing them gains little
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def _create_trials() -> None:
    op.create_table(
        "trials",
        sa.Column("run_id", sa.Uuid, nullable=False),
        sa.Column("trial", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("watermark_ns", sa.BigInteger, nullable=False),
        sa.Column("final_segment", sa.BigInteger),
        sa.Column("last_segment", sa.BigInteger, nullable=False),
        sa.Column("full_segments", sa.BigInteger, nullable=False),
        sa.Column("merged_bytes", sa.BigInteger, nullable=False),
        sa.Column("loose_bytes", sa.BigInteger, nullable=False),
        sa.Column("completed_segment", sa.BigInteger),
        sa.Column("completed_part", sa.BigInteger),
        sa.Column("summary", sa.LargeBinary),
        sa.PrimaryKeyConstraint("run_id", "trial", name="pk_trials"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], "fk_trials_runs", ondelete="CASCADE"),
    )
    in_flight = sa.text("completed_segment IS NULL")
    op.create_index(
        "ix_trials_in_flight", "trials", ["run_id"], postgresql_where=in_flight, sqlite_where=in_flight
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("parts", "trials", "runs"):
        op.drop_table(table)
