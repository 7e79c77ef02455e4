"""Adds to the platform's revisions one that makes a table, which cannot be made twice."""

from pathlib import Path

from alembic.script import ScriptDirectory

from primehub_services.store import migrate

MIGRATIONS = Path(migrate.__file__).with_name("migrations")
REVISION = '''"""The next version's."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "next", {head!r}, None, None


def upgrade():
    op.create_table("next_version", sa.Column("id", sa.Integer(), primary_key=True))
'''

made = MIGRATIONS / "versions" / "next.py"
made.write_text(REVISION.format(head=ScriptDirectory(str(MIGRATIONS)).get_current_head()))
made.chmod(0o644)
