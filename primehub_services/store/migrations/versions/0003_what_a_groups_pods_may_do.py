"""What a group's pods may do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the changes."""
    with op.batch_alter_table("groups", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("pod_security", sa.String(length=20), server_default="restricted", nullable=False)
        )


def downgrade() -> None:
    """Take them back: every group is restricted then."""
    with op.batch_alter_table("groups", schema=None) as batch_op:
        batch_op.drop_column("pod_security")
