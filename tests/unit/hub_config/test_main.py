"""How the hub is started."""

from __future__ import annotations

import subprocess
import sys

import jupyterhub


def test_it_is_jupyterhub_without_the_import_that_is_half_of_its_start() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "hub_config", "--version"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == jupyterhub.__version__
    assert "jupyterhub.app" in ran.stderr
    assert "rfc3987_syntax" not in ran.stderr
