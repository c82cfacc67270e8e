"""The gateway's tables. Every row belongs to a team: `tenant_id`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text

# What this version works with; the newest file in `migrations/versions`.
REVISION = "0001"
MIGRATIONS = Path(__file__).parent / "migrations"

metadata = MetaData()

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
