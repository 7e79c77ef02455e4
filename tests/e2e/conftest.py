"""The platform as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.portal_browser import PORTAL, chromium
from tests.support.environment import base_environment  # noqa: F401 - a fixture
from tests.support.mail import Inbox, mail_server
from tests.support.parts import require
from tests.support.platform import Lab, Platform, running_platform
from tests.support.sandbox import public_folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the portal's pages."""
    require("browser", (PORTAL / "static" / "index.html").exists(), "the portal is not built: make portal")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    """What ``platform`` sends by e-mail."""
    with mail_server() as started:
        yield started


@pytest.fixture(scope="session")
def share() -> Iterator[Path]:
    """A folder below which ``platform`` lets volumes be folders of the machine."""
    with public_folder() as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def platform(inbox: Inbox, share: Path) -> Iterator[Platform]:
    """One platform for all tests that leave it as they found it, with its administrator signed in."""
    settings = {
        "PRIMEHUB_SETTING__CULL_INTERVAL": "2",
        "PRIMEHUB_SETTING__LOCAL__HOST_PATH_ROOTS": json.dumps([str(share)]),
        # web servers of tests are on this machine
        "PRIMEHUB_SETTING__NOTIFICATIONS__WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
        "PRIMEHUB_SETTING__NOTIFICATIONS__SMTP": json.dumps(
            {"host": "127.0.0.1", "port": inbox.port, "from": "primehub@example.org", "security": "none"}
        ),
    }
    with running_platform(settings) as started:
        yield started


@pytest.fixture(scope="session")
def lab(platform: Platform, base_environment: str) -> Lab:  # noqa: F811 - the fixture
    """What a person needs to start notebooks on ``platform``."""
    platform.call("POST", "/groups", {"name": "lab", "user_quota": {"cpu": 4}})
    small = {"name": "lab-small", "cpu_limit": 0.5, "memory_limit": "1Gi", "cpu_request": 0.1, "memory_request": "64Mi"}
    platform.call("POST", "/instance-types", small)
    image = platform.add_image(base_environment)
    return Lab("lab", "lab-small", image, "ann", platform.add_person("ann", "lab"))
