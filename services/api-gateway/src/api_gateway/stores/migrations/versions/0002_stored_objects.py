"""Stored responses, conversations and chat completions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = (
    "stored_completion_metadata",
    "stored_completion_messages",
    "stored_completions",
    "conversation_items",
    "conversations",
    "response_items",
    "responses",
)


def _belongs_to(table: str, column: str) -> sa.Column[str]:
    owner = sa.ForeignKey(f"{table}.{column}", ondelete="CASCADE")
    return sa.Column(column, sa.Text, owner, primary_key=True)


def upgrade() -> None:
    _create_responses()
    _create_conversations()
    _create_completions()


def _create_responses() -> None:
    op.create_table(
        "responses",
        sa.Column("response_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("created_unix_s", sa.BigInteger, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("previous_response_id", sa.Text),
        sa.Column("conversation_id", sa.Text),
        sa.Column("background", sa.Boolean, nullable=False),
        sa.Column("streamed", sa.Boolean, nullable=False),
        sa.Column("begins_chain", sa.Boolean, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("responses_by_age", "responses", ["created_unix_s"])
    op.create_index("responses_by_tenant", "responses", ["tenant_id", "created_unix_s"])
    op.create_table(
        "response_items",
        _belongs_to("responses", "response_id"),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("is_output", sa.Boolean, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_index("response_items_by_id", "response_items", ["tenant_id", "item_id"])


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("created_unix_s", sa.BigInteger, nullable=False),
        sa.Column("used_unix_s", sa.BigInteger, nullable=False),
        sa.Column("metadata", sa.LargeBinary, nullable=False),
        sa.Column("next_position", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("held_until_unix_s", sa.Float),
    )
    op.create_index("conversations_by_use", "conversations", ["used_unix_s"])
    op.create_index("conversations_by_tenant", "conversations", ["tenant_id", "created_unix_s"])
    op.create_table(
        "conversation_items",
        _belongs_to("conversations", "conversation_id"),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_index("conversation_items_by_id", "conversation_items", ["tenant_id", "item_id"])


def _create_completions() -> None:
    op.create_table(
        "stored_completions",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("completion_id", sa.Text, nullable=False, unique=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("created_unix_s", sa.BigInteger, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("metadata", sa.LargeBinary, nullable=False),
    )
    op.create_index("stored_completions_by_tenant", "stored_completions", ["tenant_id", "sequence"])
    op.create_index("stored_completions_by_age", "stored_completions", ["created_unix_s"])
    op.create_table(
        "stored_completion_messages",
        _belongs_to("stored_completions", "completion_id"),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "stored_completion_metadata",
        _belongs_to("stored_completions", "completion_id"),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
    )
    op.create_index(
        "stored_completion_metadata_by_pair",
        "stored_completion_metadata",
        ["tenant_id", "key", "value"],
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
