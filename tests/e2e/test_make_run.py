"""``make run``, the README's one command, in the working tree as it stands."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.parts import require
from tests.support.platform import Platform, data_folder, discard, free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
MAKE = ["make", "--no-print-directory", "-C", str(ROOT)]
OUTER = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
"""What a make that runs these tests tells the makes below it."""


@pytest.fixture
def fresh() -> Iterator[Platform]:
    """A platform that was never started, in a working tree of which all is built."""
    platform = Platform(data_folder(), free_port())
    for name in OUTER:
        platform.environ.pop(name, None)
    built = subprocess.run([*MAKE, "--question", "install", "portal", "labextension"], env=platform.environ)
    require("browser", built.returncode == 0, "not all is built: make install portal labextension")
    yield platform
    discard(platform)


def test_it_builds_nothing_twice_says_where_to_sign_in_and_ctrl_c_ends_all_of_it(fresh: Platform) -> None:
    flags = f"UP=--port {fresh.port} --data {fresh.data}"
    fresh.start_by([*MAKE, "run", flags])
    assert f"PrimeHub is at  {fresh.url}" in fresh.said()
    steps = ("Building the environment", "Installing", "Building")
    assert [line for line in fresh.said().splitlines() if line.startswith(steps)] == []
    link = wait_for(fresh.first_link, what="the one-time link is printed")
    assert link is not None
    assert httpx.get(fresh.api + "/health", trust_env=False).json()["status"] in ("ok", "degraded")
    assert httpx.get(link, trust_env=False).status_code == 200

    assert fresh.process is not None
    os.killpg(fresh.process.pid, signal.SIGINT)  # as a terminal does: make gets it too
    fresh.process.wait(60)
    assert "PrimeHub has stopped" in fresh.said()
    wait_for(lambda: not fresh.processes(), what="no process is left")
    with pytest.raises(httpx.ConnectError):
        httpx.get(fresh.api + "/health", trust_env=False)
