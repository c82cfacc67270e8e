"""What teams have told about their runs.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_scores",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("task_class", sa.Text, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("right", sa.Float, nullable=False),
        sa.Column("wrong", sa.Float, nullable=False),
        sa.Column("scored_unix_s", sa.Float, nullable=False),
    )
    op.create_index("run_scores_by_team", "run_scores", ["tenant_id", "task_class", "model"])
    op.create_index("run_scores_by_age", "run_scores", ["scored_unix_s"])


def downgrade() -> None:
    op.drop_table("run_scores")
