"""The gateway's tables. Every row belongs to a team: `tenant_id`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

# What this version works with; the newest file in `migrations/versions`.
REVISION = "0004"
MIGRATIONS = Path(__file__).parent / "migrations"

metadata = MetaData()


class ClientText(TypeDecorator[str]):
    """Text of a client's choosing. PostgreSQL keeps no NUL, so none is kept or looked for."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else value.replace("\x00", "\ufffd")


# `digest` is the key's HMAC; the key itself is never stored. `revision` grows with every change of
# any key, so that a replica sees by one number whether its copy is current.
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("created_unix_s", BigInteger, nullable=False),
    Column("expires_unix_s", BigInteger),
    Column("revoked_unix_s", BigInteger),
    Column("revision", BigInteger, nullable=False, index=True),
)

# `body` is the response object as its client got it, `request` what a background response is
# encoded again with. `begins_chain`: in a chain nothing before this response's output counts.
responses = Table(
    "responses",
    metadata,
    Column("response_id", ClientText, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("created_unix_s", BigInteger, nullable=False),
    Column("model", ClientText, nullable=False),
    Column("status", Text, nullable=False),
    Column("previous_response_id", ClientText),
    Column("conversation_id", ClientText),
    Column("background", Boolean, nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("begins_chain", Boolean, nullable=False),
    Column("run_id", Text),
    Column("request", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("responses_by_age", "created_unix_s"),
    Index("responses_by_tenant", "tenant_id", "created_unix_s"),
    Index("responses_by_status", "status", "created_unix_s", "response_id"),
)

# Input first, then output, by `position`.
response_items = Table(
    "response_items",
    metadata,
    Column(
        "response_id",
        ClientText,
        ForeignKey("responses.response_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("position", Integer, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("is_output", Boolean, nullable=False),
    Column("item_id", ClientText, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("response_items_by_id", "tenant_id", "item_id"),
)

# `metadata` is JSON. `holder` is the response that continues it, until `held_until_unix_s`.
conversations = Table(
    "conversations",
    metadata,
    Column("conversation_id", ClientText, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("created_unix_s", BigInteger, nullable=False),
    Column("used_unix_s", BigInteger, nullable=False),
    Column("metadata", LargeBinary, nullable=False),
    Column("next_position", Integer, nullable=False),
    Column("holder", Text),
    Column("held_until_unix_s", Float),
    Index("conversations_by_use", "used_unix_s"),
    Index("conversations_by_tenant", "tenant_id", "created_unix_s"),
)

conversation_items = Table(
    "conversation_items",
    metadata,
    Column(
        "conversation_id",
        ClientText,
        ForeignKey("conversations.conversation_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("position", Integer, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("item_id", ClientText, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Index("conversation_items_by_id", "tenant_id", "item_id"),
)

# `sequence` is the order of listings: the order in which they were kept.
stored_completions = Table(
    "stored_completions",
    metadata,
    Column(
        "sequence",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("completion_id", ClientText, nullable=False, unique=True),
    Column("tenant_id", Text, nullable=False),
    Column("created_unix_s", BigInteger, nullable=False),
    Column("model", ClientText, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("metadata", LargeBinary, nullable=False),
    Index("stored_completions_by_tenant", "tenant_id", "sequence"),
    Index("stored_completions_by_age", "created_unix_s"),
)

stored_completion_messages = Table(
    "stored_completion_messages",
    metadata,
    Column(
        "completion_id",
        ClientText,
        ForeignKey("stored_completions.completion_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("position", Integer, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("item_id", ClientText, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

# The pairs of `metadata`, one by one, to be filtered by.
stored_completion_metadata = Table(
    "stored_completion_metadata",
    metadata,
    Column(
        "completion_id",
        ClientText,
        ForeignKey("stored_completions.completion_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", ClientText, primary_key=True),
    Column("value", ClientText, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Index("stored_completion_metadata_by_pair", "tenant_id", "key", "value"),
)

# `entry_id` is a digest of team and key, `request_digest` one of what was asked. `status`,
# `streamed` and `body` are the first answer; while there is none, `holder` makes it.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("entry_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("created_unix_s", BigInteger, nullable=False),
    Column("request_digest", LargeBinary, nullable=False),
    Column("holder", Text, nullable=False),
    Column("held_until_unix_s", Float, nullable=False),
    Column("status", Integer),
    Column("streamed", Boolean),
    Column("body", LargeBinary),
    Index("idempotency_keys_by_age", "created_unix_s"),
)
