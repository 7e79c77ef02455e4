"""``python -m hub_config -f FILE``: JupyterHub, a second or more sooner than by ``python -m jupyterhub``."""

from __future__ import annotations

from primehub_spawner.notebook_main import SLOW, put_off


def main() -> None:
    """Run JupyterHub with this process's arguments, without the import that is half of its start and of no use to it."""
    put_off(SLOW)
    from jupyterhub.app import main as jupyterhub

    jupyterhub()


if __name__ == "__main__":
    main()
