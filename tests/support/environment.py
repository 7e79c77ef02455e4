"""One environment with JupyterLab for all tests that need one, built once and kept between runs."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from primehub_services.domain.images import EnvironmentSource
from primehub_services.sandbox import records
from primehub_services.sandbox.environments import EnvironmentBuilder
from primehub_services.sandbox.layout import Layout
from primehub_services.sandbox.pythons import record_path
from primehub_services.sandbox.workloads import Workloads

CACHE_VARIABLE = "PRIMEHUB_TEST_ENVIRONMENT_CACHE"
PACKAGES = ("jupyterlab>=4.6,<5", "jupyterhub>=6.1,<7", "ipykernel>=7,<8", "nbclient")


def cache_folder() -> Path:
    """Where the environment is kept: a folder that every user may pass through."""
    default = Path(tempfile.gettempdir()) / f"primehub-test-environments-{os.getuid()}"
    return Path(os.environ.get(CACHE_VARIABLE) or default)


@pytest.fixture(scope="session")
def base_environment() -> str:
    """The prefix of an environment that EnvironmentBuilder made (the first time it takes a minute or two)."""
    return built()


def built() -> str:
    """Likewise, where there is no test."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    # several test runs may ask at once; one of them builds
    with (folder / "building.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        builder = EnvironmentBuilder(Workloads(folder))
        prefix = builder.build("tests", EnvironmentSource(packages=PACKAGES), allow_unsandboxed=True)
    return prefix


def made_environment(layout: Layout, name: str) -> Path:
    """What a build leaves, but for its packages."""
    prefix = layout.environments / name
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").write_text("")
    records.write(record_path(prefix), {"base": [], "packages": ["numpy"]})
    return prefix
