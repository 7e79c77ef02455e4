"""An environment whose notebook server costs next to nothing, for tests in which many notebooks run.

It is started by the real spawner in the real sandbox, in place of JupyterLab. The person's variables make it do what
is hard to meet in time: ``HOLD_START`` and ``HOLD_STOP`` name files in the home folder for which it waits before it
listens, and before it ends.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from primehub_services.sandbox.layout import workload_identity
from primehub_services.sandbox.pythons import choose_base

from .sandbox import public_folder

FOLDER = Path(__file__).parents[1] / "images" / "shell" / "jupyterhub"
"""The server's code, which is in an image for clusters too."""
SERVER = (FOLDER / "light.py").read_text()


@pytest.fixture(scope="session")
def light_environment() -> Iterator[str]:
    """The prefix of the environment."""
    base = choose_base(None, *workload_identity(1000))
    with public_folder() as folder:
        folder.chmod(0o755)
        prefix = folder / "light"
        subprocess.run([base.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
        packages = next(prefix.glob("lib/python*/site-packages"))
        for name in ("jupyterlab", "ipykernel", "jupyterhub"):
            (packages / name).mkdir()
            (packages / name / "__init__.py").write_text("")
        (packages / "jupyterhub" / "singleuser.py").write_text(SERVER)
        yield str(prefix)
