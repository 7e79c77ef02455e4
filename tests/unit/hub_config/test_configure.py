"""What the hub is told."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.services.service import _MockUser, _ServiceSpawner
from pydantic import BaseModel, SecretStr, ValidationError
from traitlets.config import Config

from hub_config.configure import configure, services_environment
from hub_config.roles import SERVICE_ROLES, as_markdown
from hub_config.settings import PREFIX, Settings, SettingsError
from hub_config.settings_page import as_markdown as settings_page
from primehub_services.domain.permissions import PERMISSIONS, Scope

OIDC = {"issuer": "https://id.example.org", "client_id": "primehub", "client_secret": "the-client-secret"}


def configured(data_dir: Path, **values: Any) -> Config:
    """The configuration made from these settings."""
    c = Config()
    configure(c, Settings.model_validate({"data_dir": data_dir, **values}))
    return c


def service(c: Config, name: str) -> dict[str, Any]:
    """One of the hub's services."""
    (found,) = [s for s in c.JupyterHub.services if s["name"] == name]
    assert isinstance(found, dict)
    return found


def test_the_claim_is_the_only_gate_and_servers_outlive_the_hub(tmp_path: Path) -> None:
    c = configured(tmp_path)
    assert c.JupyterHub.concurrent_spawn_limit == 0
    assert c.JupyterHub.cleanup_servers is False
    assert c.JupyterHub.cleanup_proxy is False
    assert c.PrimeHubLocalSpawner.poll_interval == 5
    assert c.PrimeHubLocalSpawner.consecutive_failure_limit == 0
    assert c.JupyterHub.default_url == "/services/primehub/"


def test_leaving_is_noticed_by_the_hub_in_time_for_ten_seconds_in_all(tmp_path: Path) -> None:
    c = configured(tmp_path)
    assert c.PrimeHubAuthenticator.auth_refresh_strict is True
    assert 0 < c.PrimeHubAuthenticator.auth_refresh_age <= 5
    assert c.PrimeHubAuthenticator.manage_groups is True


def test_a_proxy_that_somebody_else_supervises_is_never_started_by_the_hub(tmp_path: Path) -> None:
    c = configured(tmp_path, proxy_api_port=9001)
    assert c.ConfigurableHTTPProxy.should_start is False
    assert c.ConfigurableHTTPProxy.api_url == "http://127.0.0.1:9001"
    assert c.ConfigurableHTTPProxy.auth_token == (tmp_path / "secrets" / "proxy.token").read_text()


def test_without_a_proxys_port_the_hubs_own_proxy_is_left_alone(tmp_path: Path) -> None:
    assert "should_start" not in configured(tmp_path).ConfigurableHTTPProxy


def test_secrets_are_made_once_and_are_for_the_owner_alone(tmp_path: Path) -> None:
    first, second = configured(tmp_path), configured(tmp_path)
    assert first.PrimeHubLocalSpawner.api_service_token == second.PrimeHubLocalSpawner.api_service_token
    files = list((tmp_path / "secrets").iterdir())
    assert {f.name for f in files} >= {"spawner.token", "authenticator.token", "cookie_secret"}
    assert all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in files)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_every_service_has_a_role_of_its_own_and_a_token_of_its_own(tmp_path: Path) -> None:
    c = configured(tmp_path)
    assert {s["name"] for s in c.JupyterHub.services} == {role.service for role in SERVICE_ROLES}
    assert all(role["services"] == [role["name"]] for role in c.JupyterHub.load_roles)
    assert service(c, "primehub-spawner")["api_token"] != service(c, "primehub-authenticator")["api_token"]


def test_spawner_and_authenticator_may_do_one_thing_each() -> None:
    scopes = {role.service: set(role.scopes) for role in SERVICE_ROLES}
    assert scopes["primehub-spawner"] == {Scope.CLAIMS}
    assert scopes["primehub-authenticator"] == {Scope.ACCOUNTS}
    assert not any(
        {"admin:servers", "servers", "access:servers", "proxy", "shutdown"} & held for held in scopes.values()
    )


def test_no_person_holds_a_services_scope(tmp_path: Path) -> None:
    held = configured(tmp_path).JupyterHub.extra_user_scopes
    assert not held & {Scope.CLAIMS, Scope.ACCOUNTS, Scope.CULLING}
    assert "access:services!service=primehub" in held


def test_the_portal_asks_for_no_more_than_people_hold(tmp_path: Path) -> None:
    c = configured(tmp_path)
    allowed = set(service(c, "primehub")["oauth_client_allowed_scopes"])
    assert allowed - {"tokens!user", "read:users!user"} <= c.JupyterHub.extra_user_scopes


MACHINE = {
    "PATH": "/bin",
    "CONFIGPROXY_AUTH_TOKEN": "hidden",
    "JUPYTERHUB_CRYPT_KEY": "hidden",
    "AWS_SECRET_ACCESS_KEY": "hidden",
    "PIP_INDEX_URL": "https://mirror.example.org/simple",
}
HIDDEN = {**OIDC, "client_secret": "hidden"}
WAYS: dict[str, dict[str, str]] = {
    "variables": {f"{PREFIX}ACCOUNTS__OIDC__{name.upper()}": value for name, value in HIDDEN.items()},
    "a variable with the provider": {f"{PREFIX}ACCOUNTS__OIDC": json.dumps(HIDDEN)},
    "a variable with the accounts": {f"{PREFIX}ACCOUNTS": json.dumps({"oidc": HIDDEN})},
    "a file": {"PRIMEHUB_SETTINGS": "settings.yaml"},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_services_get_the_settings_but_no_secret_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.yaml").write_text(json.dumps({"accounts": {"oidc": HIDDEN}}))
    environ = {
        **MACHINE,
        **WAYS[way],
        f"{PREFIX}DATA_DIR": "données-\U0001f600",
        f"{PREFIX}DATABASE_URL": "postgresql://u:p@h/d",
        f"{PREFIX}HUB_DATABASE_URL": "postgresql://hub:hidden@h/d",
        f"{PREFIX}LOCAL__HOST_PATH_ROOTS": '["/srv", "/data"]',
        f"{PREFIX}LOCAL__CAPACITY_CPU": "1.5",
        f"{PREFIX}LOCAL__SANDBOX": "off",
        f"{PREFIX}PUBLIC_URL": "https://hub.example.org",
        f"{PREFIX}SERVICES_PORT": "8092",
    }
    ours = Settings.load(environ)
    assert ours.accounts.oidc is not None
    assert ours.accounts.oidc.client_secret.get_secret_value() == "hidden"

    given = services_environment(ours, environ)

    assert "hidden" not in "".join(given.values())
    assert "PRIMEHUB_SETTINGS" not in given, "the file may hold a secret too"
    assert given["PIP_INDEX_URL"] == MACHINE["PIP_INDEX_URL"]
    theirs = Settings.load(given)
    assert theirs.accounts.oidc is not None
    assert theirs.accounts.oidc.client_secret.get_secret_value() == ""
    assert theirs.hub_database_url.get_secret_value() == ""
    assert theirs.data_dir == tmp_path / "données-\U0001f600"
    shown = {"data_dir": True, "hub_database_url": True, "accounts": {"oidc": {"client_secret"}}}
    assert theirs.model_dump(exclude=shown) == ours.model_dump(exclude=shown)


def test_every_other_secret_of_the_settings_reaches_the_services() -> None:
    class MailSettings(BaseModel):
        password: SecretStr

    class MoreSettings(Settings):
        mail: MailSettings

    ours = MoreSettings.load({f"{PREFIX}MAIL": json.dumps({"password": "for the services"})})
    theirs = MoreSettings.load(services_environment(ours, {}))
    assert theirs.mail.password.get_secret_value() == "for the services"


def test_the_culler_is_given_no_settings_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIMEHUB_SETTING__DATABASE_URL", "postgresql://u:p@h/d")
    assert set(service(configured(tmp_path), "primehub-idle-culler")["environment"]) == {"PRIMEHUB_API_URL", "PATH"}


def test_a_provider_is_asked_with_pkce_under_the_public_address(tmp_path: Path) -> None:
    c = configured(tmp_path, accounts={"oidc": OIDC}, public_url="https://hub.example.org/")
    assert c.PrimeHubAuthenticator.oidc is True
    assert c.PrimeHubOIDCAuthenticator.enable_pkce is True
    assert c.PrimeHubOIDCAuthenticator.oauth_callback_url == "https://hub.example.org/hub/oauth_callback"
    assert c.JupyterHub.public_url == "https://hub.example.org/"
    assert "the-client-secret" not in str(c.JupyterHub)


def test_an_existing_configuration_keeps_its_own_roles_services_and_scopes(tmp_path: Path) -> None:
    c = Config()
    c.JupyterHub.services = [{"name": "mine"}]
    c.JupyterHub.load_roles = [{"name": "mine", "scopes": []}]
    c.JupyterHub.extra_user_scopes = {"shares!user"}
    configure(c, Settings(data_dir=tmp_path))
    assert {"mine", "primehub"} <= {s["name"] for s in c.JupyterHub.services}
    assert {"mine", "primehub"} <= {r["name"] for r in c.JupyterHub.load_roles}
    assert "shares!user" in c.JupyterHub.extra_user_scopes


def test_the_documentation_is_up_to_date() -> None:
    path = Path(__file__).parents[3] / "docs" / "permissions.md"
    assert path.read_text() == as_markdown(), "run: python -m hub_config.roles > docs/permissions.md"


def test_the_page_of_settings_is_up_to_date() -> None:
    path = Path(__file__).parents[3] / "docs" / "settings.md"
    assert path.read_text() == settings_page(), "run: python -m hub_config.settings_page > docs/settings.md"


def test_the_documentations_table_has_every_permission_and_every_scope_of_a_service() -> None:
    text = as_markdown()
    assert all(f"`{name}`" in text for name in PERMISSIONS)
    assert all(f"`{scope}`" in text for role in SERVICE_ROLES for scope in role.scopes)


async def test_a_service_that_died_is_started_again_at_once(tmp_path: Path) -> None:
    configured(tmp_path)
    spawner = _ServiceSpawner(user=_MockUser(name="x"), cmd=["true"])
    spawner.start_polling()
    assert spawner.poll_interval <= 2
    spawner.stop_polling()


def test_a_notebook_that_is_slow_to_answer_does_not_hold_up_a_restarted_hub(tmp_path: Path) -> None:
    assert configured(tmp_path).JupyterHub.init_spawners_timeout <= 2


CLUSTER = {
    "api_url": "http://primehub-services:8092/services/primehub/api/v1",
    "hub_url": "http://primehub-hub:8081",
    "proxy_api_url": "http://primehub-proxy-api:8001",
}


def test_on_a_cluster_the_parts_find_each_other_by_name(tmp_path: Path) -> None:
    c = configured(tmp_path, engine="kubernetes", kubernetes=CLUSTER)
    assert (c.JupyterHub.hub_bind_url, c.PrimeHubKubeSpawner.ip) == ("http://:8081", "")
    assert c.JupyterHub.hub_connect_url == "http://primehub-hub:8081"
    assert c.ConfigurableHTTPProxy.should_start is False
    assert c.ConfigurableHTTPProxy.api_url == "http://primehub-proxy-api:8001"
    assert c.PrimeHubAuthenticator.api_url == CLUSTER["api_url"]
    assert c.PrimeHubKubeSpawner.api_url == CLUSTER["api_url"]
    assert "hub_ip" not in c.JupyterHub


def test_on_a_cluster_what_an_operator_adds_to_pods_is_in_those_of_notebooks(tmp_path: Path) -> None:
    plain = configured(tmp_path, engine="kubernetes", kubernetes=CLUSTER).PrimeHubKubeSpawner
    assert not {"extra_labels", "extra_annotations", "extra_pod_config"} & plain.keys()
    added = {"pod_labels": {"team": "data"}, "pod_annotations": {"x.org/a": "{}"}, "runtime_class": "gvisor"}
    section = configured(tmp_path, engine="kubernetes", kubernetes=CLUSTER | added).PrimeHubKubeSpawner
    assert section.extra_labels == {"team": "data"}
    assert section.extra_annotations == {"x.org/a": "{{}}"}
    assert section.extra_pod_config == {"runtimeClassName": "gvisor"}


@pytest.mark.parametrize("wrong", [{"pod_labels": {"team": "a b"}}, {"pod_annotations": {"/x": ""}}])
def test_a_label_that_the_cluster_would_refuse_is_refused_with_its_name(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=f"kubernetes.{next(iter(wrong))}"):
        configured(tmp_path, engine="kubernetes", kubernetes=CLUSTER | wrong)


def test_on_a_cluster_the_services_are_not_the_hubs_to_start_and_hold_up_no_start_of_it(tmp_path: Path) -> None:
    c = configured(tmp_path, engine="kubernetes", kubernetes=CLUSTER)
    found = service(c, "primehub")
    assert "command" not in found
    assert found["url"] == "http://primehub-services:8092"
    assert found["api_token"] == (tmp_path / "secrets" / "services.token").read_text()
    assert found["timeout"] <= 1
    assert {s["name"] for s in c.JupyterHub.services} == {role.service for role in SERVICE_ROLES}


def test_on_a_cluster_nobody_is_to_sign_in_to_a_gateway_that_is_not_there(tmp_path: Path) -> None:
    without = service(configured(tmp_path, engine="kubernetes", kubernetes=CLUSTER), "primehub-gateway")
    assert not [name for name in without if name.startswith(("oauth", "url"))]  # with which the hub would not begin
    there = CLUSTER | {"gateway_url": "http://primehub-gateway:8093"}
    found = service(configured(tmp_path, engine="kubernetes", kubernetes=there), "primehub-gateway")
    assert (found["url"], found["oauth_no_confirm"]) == ("http://primehub-gateway:8093", True)


def test_on_a_cluster_every_missing_address_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        configured(tmp_path, engine="kubernetes", kubernetes={"hub_url": CLUSTER["hub_url"]})
    assert str(raised.value).splitlines() == [
        "kubernetes.api_url: must be set where the engine is kubernetes",
        "kubernetes.proxy_api_url: must be set where the engine is kubernetes",
    ]


def test_keys_that_somebody_else_keeps_are_read_where_they_are_and_never_made(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in ("cookie_secret", "proxy.token", "spawner.token", "authenticator.token", "services.token"):
        (keys / name).write_text(f"{name} of a Secret")
    c = configured(tmp_path, engine="kubernetes", kubernetes=CLUSTER, secrets_dir=keys)
    assert c.ConfigurableHTTPProxy.auth_token == "proxy.token of a Secret"
    assert not (tmp_path / "secrets").exists()
