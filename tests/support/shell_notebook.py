"""A notebook server that is nothing but its terminal: what is posted to it runs in a shell inside the sandbox.

Beside that it does what ``light_notebook`` does, ``HOLD_START`` included; with the variable ``STUBBORN`` it does not end when it is asked to.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from primehub_services.sandbox.layout import workload_identity
from primehub_services.sandbox.pythons import choose_base

from . import light_notebook
from .platform import Platform
from .sandbox import public_folder

SERVER = (light_notebook.FOLDER / "singleuser.py").read_text()
MODULES = {
    "jupyterlab/__init__.py": "",
    "ipykernel/__init__.py": "",
    "jupyterhub/__init__.py": "",
    "jupyterhub/light.py": light_notebook.SERVER,
    "jupyterhub/singleuser.py": SERVER,
}


@pytest.fixture(scope="session")
def shell_environment() -> Iterator[str]:
    """The prefix of the environment."""
    with made_environment() as prefix:
        yield prefix


@contextmanager
def made_environment() -> Iterator[str]:
    """The prefix of an environment of these modules alone; it is gone afterwards."""
    base = choose_base(None, *workload_identity(1000))
    with public_folder() as folder:
        folder.chmod(0o755)
        prefix = folder / "shell"
        subprocess.run([base.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
        packages = next(prefix.glob("lib/python*/site-packages"))
        for name, text in MODULES.items():
            (packages / name).parent.mkdir(exist_ok=True)
            (packages / name).write_text(text)
        yield str(prefix)


def shell(platform: Platform, user: str, script: str, *, server: str = "", seconds: float = 120) -> str:
    """What a script prints in a person's running notebook, errors too. Fails where it takes longer than ``seconds``."""
    url = f"{platform.url}/user/{user}/{server and server + '/'}shell"
    answer = httpx.post(url, content=script.encode(), timeout=seconds, trust_env=False)
    answer.raise_for_status()
    return answer.text


def python(platform: Platform, user: str, program: Path | str, *, server: str = "") -> str:
    """What a Python program prints in a person's running notebook."""
    text = program.read_text() if isinstance(program, Path) else program
    version = f"python{sys.version_info.major}"
    return shell(platform, user, f"{version} - <<'PROGRAM'\n{text}\nPROGRAM\n", server=server)
