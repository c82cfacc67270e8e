"""Runs, their events, their output and their calls.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("public_model", sa.Text, nullable=False),
        sa.Column("panel", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("detached", sa.Boolean, nullable=False),
        sa.Column("created_unix_s", sa.Float, nullable=False),
        sa.Column("ended_unix_s", sa.Float),
        sa.Column("spec", sa.LargeBinary, nullable=False),
        sa.Column("record", sa.LargeBinary),
    )
    op.create_index("runs_by_request", "runs", ["tenant_id", "request_id"])
    op.create_index("runs_by_age", "runs", ["created_unix_s"])
    op.create_index("runs_by_status", "runs", ["status"])
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("at_ms", sa.Integer, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "run_outputs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "run_calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("upstream_model", sa.Text, nullable=False),
        sa.Column("reserved_output_tokens", sa.Integer),
        sa.Column("started_ms", sa.Integer, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("basis", sa.Text),
        sa.Column("ended_ms", sa.Integer),
        sa.Column("first_token_ms", sa.Integer),
        sa.Column("input_tokens", sa.Integer),
        sa.Column("output_tokens", sa.Integer),
        sa.Column("cached_tokens", sa.Integer),
        sa.Column("cache_write_tokens", sa.Integer),
        sa.Column("reasoning_tokens", sa.Integer),
        sa.Column("cost_nano_usd", sa.BigInteger),
        sa.Column("error", sa.LargeBinary),
    )
    op.create_index("run_calls_by_run", "run_calls", ["run_id"])


def downgrade() -> None:
    op.drop_table("run_calls")
    op.drop_table("run_outputs")
    op.drop_table("run_events")
    op.drop_table("runs")
