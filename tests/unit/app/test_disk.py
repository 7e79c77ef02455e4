"""A disk without room is named as the cause of what it causes."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from primehub_services import disk
from primehub_services.api.auth import HubAuthenticator
from primehub_services.domain.problems import Unavailable


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many bytes are free."""
    given = {"free": 10 * disk.LITTLE}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=2**40, used=0, free=given["free"]))
    return given


def test_a_shortage_is_said_before_and_when_there_is_nothing_left(room: dict[str, int], tmp_path: Path) -> None:
    assert disk.shortage(tmp_path) == ""
    room["free"] = 5 * disk.MIB
    assert "nearly full: 5 MiB are left" in disk.shortage(tmp_path)
    assert not disk.is_full(tmp_path)
    room["free"] = 0
    assert f"{tmp_path} is full" in disk.shortage(tmp_path)
    assert disk.is_full(tmp_path)


def test_a_disk_that_cannot_be_asked_is_not_called_full(tmp_path: Path) -> None:
    assert disk.shortage(tmp_path / "absent") == ""


@pytest.mark.parametrize("full", [True, False])
async def test_on_a_full_disk_nobody_is_told_that_the_token_is_wrong(
    monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    monkeypatch.setenv("JUPYTERHUB_CLIENT_ID", "service-primehub")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t")
    authenticator = HubAuthenticator("/services/primehub/", disk_is_full=lambda: full)

    async def refused(handler: Any, sync: bool) -> None:
        return None  # what a hub that cannot write answers for every token

    assert authenticator.hub_auth is not None
    monkeypatch.setattr(authenticator.hub_auth, "get_user", refused)
    handler: Any = SimpleNamespace(
        request=SimpleNamespace(headers={"Authorization": "token good"}, path="/", cookies={}),
        get_argument=lambda name, default=None: default,
        get_cookie=lambda name, default=None: default,
        get_secure_cookie=lambda name, default=None: default,
        xsrf_failed=False,
    )
    if full:
        with pytest.raises(Unavailable, match="full"):
            await authenticator.identify(handler)
    else:
        assert await authenticator.identify(handler) is None
