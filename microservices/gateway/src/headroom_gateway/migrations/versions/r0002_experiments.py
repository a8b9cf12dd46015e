"""Experiments and their news; the runs that they want, and scenarios of these that no list shows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and add what runs, scenarios and idempotency keys have to know of experiments."""
    _create_experiments()
    op.add_column("scenarios", sa.Column("listed", sa.Boolean, nullable=False, server_default=sa.true()))
    _refer_to_experiments()
    op.add_column("runs", sa.Column("batch", sa.String(64)))
    op.create_index("ix_runs_experiment_id_state", "runs", ["experiment_id", "state"])
    op.drop_index("ix_runs_created_at_us_id", "runs")
    alone = sa.text("experiment_id IS NULL")
    op.create_index(
        "ix_runs_alone", "runs", ["created_at_us", "id"], postgresql_where=alone, sqlite_where=alone
    )
    with op.batch_alter_table("idempotency") as batch:
        batch.alter_column("run_id", existing_type=sa.Uuid, nullable=True)
        batch.add_column(sa.Column("experiment_id", sa.Uuid))
        batch.create_foreign_key(
            "fk_idempotency_experiments", "experiments", ["experiment_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index("ix_idempotency_experiment_id", "idempotency", ["experiment_id"])


def downgrade() -> None:
    """Take all of it away; runs of experiments go with these."""
    op.execute("DELETE FROM runs WHERE experiment_id IS NOT NULL")
    op.execute("DELETE FROM idempotency WHERE run_id IS NULL")
    op.drop_index("ix_idempotency_experiment_id", "idempotency")
    with op.batch_alter_table("idempotency") as batch:
        batch.drop_constraint("fk_idempotency_experiments", type_="foreignkey")
        batch.drop_column("experiment_id")
        batch.alter_column("run_id", existing_type=sa.Uuid, nullable=False)
    for index in ("ix_runs_experiment_id_state", "ix_runs_alone"):
        op.drop_index(index, "runs")
    op.drop_column("runs", "batch")
    op.drop_column("runs", "experiment_id")
    op.create_index("ix_runs_created_at_us_id", "runs", ["created_at_us", "id"])
    op.execute(
        "DELETE FROM scenarios WHERE NOT listed"
        " AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.scenario_id = scenarios.id)"
    )
    op.drop_column("scenarios", "listed")
    op.drop_table("experiment_events")
    op.drop_table("experiments")


def _create_experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("scenario_id", sa.String(64), nullable=False),
        sa.Column("scenario_name", sa.String(63), nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("other", sa.LargeBinary),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("started_at_us", sa.BigInteger),
        sa.Column("ended_at_us", sa.BigInteger),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("rounds", "points", "runs", "trials", "runs_done", "trials_done", "requests")
        ),
        sa.Column("requests_wanted", sa.Double, nullable=False),
        sa.Column("failure_reason", sa.Text),
        sa.Column("failure_field", sa.Text),
        sa.Column("document", sa.LargeBinary),
        sa.Column("document_hash", sa.String(64)),
        sa.Column("size", sa.BigInteger),
        sa.Column("leased_until_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
        sa.ForeignKeyConstraint(["scenario_id"], ["scenarios.id"], "fk_experiments_scenarios"),
    )
    op.create_index("ix_experiments_created_at_us_id", "experiments", ["created_at_us", "id"])
    op.create_index("ix_experiments_scenario_id", "experiments", ["scenario_id"])
    active = sa.text("ended_at_us IS NULL")
    op.create_index(
        "ix_experiments_active", "experiments", ["created_by"], postgresql_where=active, sqlite_where=active
    )
    op.create_table(
        "experiment_events",
        sa.Column("experiment_id", sa.Uuid, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "sequence", name="pk_experiment_events"),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            "fk_experiment_events_experiments",
            ondelete="CASCADE",
        ),
    )


def _refer_to_experiments() -> None:
    """Add to runs the column that refers to their experiment.

    In one statement that both databases have. SQLite adds no constraint later, and copying the table, as
    Alembic would there, would drop the old one and with it the news of all runs.
    """
    kind = sa.Uuid().compile(dialect=op.get_bind().dialect)
    op.execute(
        f"ALTER TABLE runs ADD COLUMN experiment_id {kind}"
        " CONSTRAINT fk_runs_experiments REFERENCES experiments (id) ON DELETE CASCADE"
    )
