"""Write a revision of the database: what the models have and the migrated schema has not.

    python scripts/make_revision.py 0004 "volumes know their size"

Read what it wrote before committing it.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from alembic import command

from primehub_services.store import migrate

VERSIONS = Path(migrate.__file__).with_name("migrations") / "versions"


def main() -> None:
    """Compare with a scratch SQLite database and write the revision's module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="its identifier, e.g. 0004")
    parser.add_argument("message", help="what it does, in a few words")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/scratch.sqlite"
        migrate.upgrade(url)
        with migrate.exclusive(url) as connection:
            command.revision(
                migrate.configuration(connection),
                arguments.message,
                autogenerate=True,
                rev_id=arguments.revision,
            )
    for module in VERSIONS.glob(f"{arguments.revision}_*.py"):
        lines = module.read_text().splitlines(keepends=True)
        module.write_text("".join(line for line in lines if not line.strip().startswith("# ###")))
    subprocess.run(["ruff", "check", "--fix", "--quiet", str(VERSIONS)], check=False)
    subprocess.run(["ruff", "format", "--quiet", str(VERSIONS)], check=True)


if __name__ == "__main__":
    main()
