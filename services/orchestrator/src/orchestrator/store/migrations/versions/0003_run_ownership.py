"""Who holds a run, and what another process needs to go on with it.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = ("owner", "beat", "fence", "takeovers", "cancel_reason", "start")


def upgrade() -> None:
    op.add_column("runs", sa.Column("owner", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("beat", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("fence", sa.Integer, nullable=False, server_default="1"))
    op.add_column("runs", sa.Column("takeovers", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("cancel_reason", sa.Text))
    op.add_column("runs", sa.Column("start", sa.LargeBinary))


def downgrade() -> None:
    with op.batch_alter_table("runs") as batch:
        for name in _COLUMNS:
            batch.drop_column(name)
