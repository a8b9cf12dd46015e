"""The parameters of running runs, so that a run which is cancelled leaves its partial result.

A run that began before has none, and leaves no partial result.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("parameters", sa.LargeBinary))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("runs", "parameters")
