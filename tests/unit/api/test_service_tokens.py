"""The platform's own services are recognised without the hub, which waits for them while it says who a person is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub_config.roles import SERVICE_ROLES
from hub_config.secret_files import secret_file
from primehub_services.api.auth import HubAuthenticator
from primehub_services.app import service_tokens
from primehub_services.domain.problems import Unavailable
from tests.support.platform import free_port


@pytest.fixture
def authenticator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubAuthenticator:
    """One whose hub is not there."""
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"http://127.0.0.1:{free_port()}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the services' own")
    monkeypatch.setenv("JUPYTERHUB_CLIENT_ID", "service-primehub")
    return HubAuthenticator("/services/primehub/", service_tokens(tmp_path))


def bearing(token: str) -> Any:
    """A request's handler."""
    return SimpleNamespace(
        request=SimpleNamespace(headers={"Authorization": f"token {token}"}, path="/", cookies={}),
        get_argument=lambda name, default=None: default,
        get_cookie=lambda name, default=None: default,
        xsrf_failed=False,
    )


@pytest.mark.parametrize(
    ("service", "file"), [("primehub-spawner", "spawner"), ("primehub-authenticator", "authenticator")]
)
async def test_a_services_token_is_good_for_its_role_while_the_hub_is_away(
    authenticator: HubAuthenticator, tmp_path: Path, service: str, file: str
) -> None:
    who = await authenticator.identify(bearing(secret_file(tmp_path / f"{file}.token")))
    assert who is not None
    assert (who.model["kind"], who.name) == ("service", service)
    (role,) = [role for role in SERVICE_ROLES if role.service == service]
    assert set(who.model["scopes"]) == set(role.scopes)


async def test_about_any_other_token_only_the_hub_can_say(authenticator: HubAuthenticator) -> None:
    with pytest.raises(Unavailable):
        await authenticator.identify(bearing("guess"))
