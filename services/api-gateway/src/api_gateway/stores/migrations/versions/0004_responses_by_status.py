"""The few responses that run are found among the many that have ended."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("responses_by_status", "responses", ["status", "created_unix_s", "response_id"])


def downgrade() -> None:
    op.drop_index("responses_by_status", "responses")
