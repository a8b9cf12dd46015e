"""Scenarios, runs and their news, results, the outbox, idempotency keys, API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _create_contents()
    _create_runs()
    _create_others()


def downgrade() -> None:
    """Drop the tables."""
    for table in ("keys", "idempotency", "outbox", "run_events", "runs", "results", "scenarios"):
        op.drop_table(table)


def _create_contents() -> None:
    op.create_table(
        "scenarios",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("horizon_ns", sa.BigInteger, nullable=False),
        sa.Column("requests_per_trial", sa.Double, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scenarios"),
    )
    op.create_table(
        "results",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("cache_key", sa.String(64)),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.String(8), nullable=False),
        sa.Column("trials", sa.BigInteger, nullable=False),
        sa.Column("partial", sa.Boolean, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_results"),
    )
    op.create_index("ix_scenarios_created_at_us_id", "scenarios", ["created_at_us", "id"])
    op.create_index("ix_results_cache_key", "results", ["cache_key"])


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("scenario_id", sa.String(64), nullable=False),
        sa.Column("scenario_name", sa.String(63), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("trials", sa.BigInteger, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("segment_arrivals", sa.BigInteger, nullable=False),
        sa.Column("late_bound", sa.Boolean, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("clone_of", sa.Uuid),
        sa.Column("started_at_us", sa.BigInteger),
        sa.Column("ended_at_us", sa.BigInteger),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("trials_done", sa.BigInteger),
        sa.Column("requests", sa.BigInteger),
        sa.Column("simulated_s", sa.Double),
        sa.Column("total_s", sa.Double, nullable=False),
        sa.Column("failure_reason", sa.Text),
        sa.Column("failure_field", sa.Text),
        sa.Column("last_event", sa.Text),
        sa.Column("result_hash", sa.String(64)),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(["scenario_id"], ["scenarios.id"], "fk_runs_scenarios"),
        sa.ForeignKeyConstraint(["result_hash"], ["results.hash"], "fk_runs_results"),
    )
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.Uuid, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "sequence", name="pk_run_events"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], "fk_run_events_runs", ondelete="CASCADE"),
    )
    op.create_index("ix_runs_created_at_us_id", "runs", ["created_at_us", "id"])
    op.create_index("ix_runs_scenario_id_created_at_us", "runs", ["scenario_id", "created_at_us"])
    op.create_index("ix_runs_result_hash", "runs", ["result_hash"])
    active = sa.text("ended_at_us IS NULL")
    op.create_index(
        "ix_runs_active", "runs", ["state", "created_at_us"], postgresql_where=active, sqlite_where=active
    )


def _create_others() -> None:
    op.create_table(
        "outbox",
        sa.Column("run_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("leased_until_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "kind", name="pk_outbox"),
    )
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("run_id", sa.Uuid, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name="pk_idempotency"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], "fk_idempotency_runs", ondelete="CASCADE"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger),
        sa.Column("last_used_at_us", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
    )
    op.create_index("ix_idempotency_created_at_us", "idempotency", ["created_at_us"])
    op.create_index("ix_idempotency_run_id", "idempotency", ["run_id"])
