"""Answers to requests that their clients may send again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("entry_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("created_unix_s", sa.BigInteger, nullable=False),
        sa.Column("request_digest", sa.LargeBinary, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("held_until_unix_s", sa.Float, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("streamed", sa.Boolean),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("idempotency_keys_by_age", "idempotency_keys", ["created_unix_s"])


def downgrade() -> None:
    op.drop_table("idempotency_keys")
