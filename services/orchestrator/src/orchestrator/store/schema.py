"""The tables, as this version reads and writes them. `migrations/` makes them so."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

REVISION = "0003"
MIGRATIONS = Path(__file__).parent / "migrations"

metadata = MetaData()

# `spec` is the resolved panel, `record` the run record without texts (JSON each).
# `owner` is the process that holds the run, empty once it has let go of it; `beat` grows while it
# lives, `fence` whenever the run changes hands, `takeovers` with the owners that died of it.
# `start` is what another process needs to go on with a detached run; gone once it has ended.
runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("public_model", Text, nullable=False),
    Column("panel", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("detached", Boolean, nullable=False),
    Column("created_unix_s", Float, nullable=False),
    Column("ended_unix_s", Float),
    Column("spec", LargeBinary, nullable=False),
    Column("record", LargeBinary),
    Column("owner", Text, nullable=False, server_default=""),
    Column("beat", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="1"),
    Column("takeovers", Integer, nullable=False, server_default="0"),
    Column("cancel_reason", Text),
    Column("start", LargeBinary),
    Index("runs_by_request", "tenant_id", "request_id"),
    Index("runs_by_age", "created_unix_s"),
    Index("runs_by_status", "status"),
)

# The core's log, in order: inputs and facts (JSON each).
run_events = Table(
    "run_events",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("at_ms", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

# What a detached run said to its client, for readers that come later.
run_outputs = Table(
    "run_outputs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

# One row per upstream attempt, opened before its first byte leaves. Money: integer nano-USD.
run_calls = Table(
    "run_calls",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("upstream_model", Text, nullable=False),
    Column("reserved_output_tokens", Integer),
    Column("started_ms", Integer, nullable=False),
    Column("status", Text),
    Column("basis", Text),
    Column("ended_ms", Integer),
    Column("first_token_ms", Integer),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("cache_write_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("cost_nano_usd", BigInteger),
    Column("error", LargeBinary),
    Index("run_calls_by_run", "run_id"),
)
