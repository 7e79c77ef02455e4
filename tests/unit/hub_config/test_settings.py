"""Settings from a file and from variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub_config.settings import PREFIX, Settings, SettingsError


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("port: 9000\npublic_url: https://a.example.org\nlocal:\n  host_path_roots: [/srv]\n")
    settings = Settings.load({f"{PREFIX}PORT": "9001", f"{PREFIX}LOCAL__SANDBOX": "off"}, file=file)
    assert settings.port == 9001
    assert settings.public_url == "https://a.example.org"
    assert settings.local.host_path_roots == (Path("/srv"),)
    assert settings.local.sandbox == "off"


@pytest.mark.parametrize("text", ["off", "'off'"])
def test_a_sandbox_is_switched_off_with_quotes_and_without(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"local:\n  sandbox: {text}\n")
    assert Settings.load({}, file=file).local.sandbox == "off"
    assert Settings.load({f"{PREFIX}LOCAL__SANDBOX": text}).local.sandbox == "off"


def test_a_section_that_the_file_leaves_empty_can_be_filled_by_variables(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("tls:\n")
    assert Settings.load({f"{PREFIX}TLS__CERT": "/tls.crt"}, file=file).tls.cert == Path("/tls.crt")


@pytest.mark.parametrize("text", ["0123", "1e3", "a #b", "a: b", "@x", "yes", "#x", "- x"])
def test_a_secret_in_a_variable_is_taken_as_it_is(text: str) -> None:
    assert Settings.load({f"{PREFIX}HUB_DATABASE_URL": text}).hub_database_url.get_secret_value() == text
    assert Settings.load({f"{PREFIX}HUB_DATABASE_URL": f'"{text}"'}).hub_database_url.get_secret_value() == text


def test_lists_numbers_and_switches_can_be_given_in_variables() -> None:
    variables = {
        "LOCAL__HOST_PATH_ROOTS": '["/srv", "/data"]',
        "LOCAL__ALLOW_UNSANDBOXED": "yes",
        "LOCAL__CAPACITY_CPU": "1.5",
    }
    settings = Settings.load({PREFIX + name: text for name, text in variables.items()})
    assert settings.local.host_path_roots == (Path("/srv"), Path("/data"))
    assert settings.local.allow_unsandboxed is True
    assert settings.local.capacity_cpu == 1.5


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"PROT": "1"}, "prot"),
        ({"LOCAL__SANDBOXX": "auto"}, "local.sandboxx"),
        ({"PORT": "70000"}, "port"),
        ({"PORT": "1", "PORT__A": "1"}, f"{PREFIX}PORT__A"),
    ],
)
def test_what_is_wrong_is_named(variables: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.load({PREFIX + name: text for name, text in variables.items()})


def without_passwords(**oidc: Any) -> Settings:
    accounts = {"local": False, "oidc": {"issuer": "https://sso", "client_id": "c", "client_secret": "s", **oidc}}
    return Settings.load({f"{PREFIX}ACCOUNTS": yaml.safe_dump(accounts, default_flow_style=True)})


def test_sign_in_by_the_provider_alone_needs_a_provider() -> None:
    with pytest.raises(SettingsError, match=r"accounts: local is off and there is no oidc"):
        Settings.load({f"{PREFIX}ACCOUNTS__LOCAL": "no"})


@pytest.mark.parametrize("missing", [{}, {"admin_groups": ["root"], "groups_claim": ""}])
def test_sign_in_by_the_provider_alone_needs_to_know_who_is_a_platform_admin(missing: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"accounts: local is off.*oidc\.admin_groups.*oidc\.groups_claim"):
        without_passwords(**missing)
    assert without_passwords(admin_groups=["root"]).accounts.local is False


def test_a_variable_that_is_not_yaml_is_named_and_its_text_is_not_shown() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        Settings.load({f"{PREFIX}DATABASE_URL": '"secret'})
    assert "secret" not in str(caught.value)


def test_addresses_of_ipv6_are_in_brackets() -> None:
    assert Settings.load({f"{PREFIX}HOST": "::1"}).address == "http://[::1]:8000"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_needs_no_driver_to_be_named(scheme: str) -> None:
    given = {f"{PREFIX}DATABASE_URL": f"{scheme}://u:p@h/d", f"{PREFIX}HUB_DATABASE_URL": f"{scheme}://u:p@h/d"}
    settings = Settings.load(given)
    for url in (settings.primehub_database_url, settings.jupyterhub_database_url):
        assert url.partition("?")[0] == "postgresql+psycopg://u:p@h/d"


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("", "connect_timeout=10"),
        ("?sslmode=require", "sslmode=require&connect_timeout=10"),
        ("?connect_timeout=3", "connect_timeout=3"),
    ],
)
def test_a_database_server_that_does_not_answer_is_not_waited_for_without_end(given: str, asked: str) -> None:
    settings = Settings.load({f"{PREFIX}DATABASE_URL": f"postgresql://h/d{given}"})
    assert settings.primehub_database_url == f"postgresql+psycopg://h/d?{asked}"


def test_a_database_that_cannot_be_used_is_refused_without_its_password() -> None:
    with pytest.raises(SettingsError, match="database_url: must begin with postgresql://") as caught:
        Settings.load({f"{PREFIX}DATABASE_URL": "mysql://u:secret@h/d"})
    assert "secret" not in str(caught.value)


def test_the_mail_server_has_its_usual_port_and_no_password_in_the_clear() -> None:
    smtp = {"host": "mail.example.org", "from": "primehub@example.org"}
    for security, port in (("starttls", 587), ("tls", 465), ("none", 25)):
        given = {f"{PREFIX}NOTIFICATIONS": json.dumps({"smtp": {**smtp, "security": security}})}
        found = Settings.load(given).notifications.smtp
        assert found is not None
        assert (found.sender, found.real_port) == ("primehub@example.org", port)
    clear = {**smtp, "security": "none", "password": "hidden"}
    with pytest.raises(SettingsError, match="a password needs starttls or tls") as caught:
        Settings.load({f"{PREFIX}NOTIFICATIONS": json.dumps({"smtp": clear})})
    assert "hidden" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"notifications\.smtp\.from"):
        Settings.load({f"{PREFIX}NOTIFICATIONS__SMTP__HOST": "mail.example.org"})


def test_a_cluster_needs_nothing_but_what_it_cannot_know() -> None:
    settings = Settings.load({f"{PREFIX}ENGINE": "kubernetes"})
    assert settings.engine == "kubernetes"
    assert (settings.kubernetes.run_as_user, settings.kubernetes.run_as_group, settings.kubernetes.fs_group) == (
        1000,
        100,
        100,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NAMESPACE", "Not_A_Name"),
        ("API_URL", "primehub-services:8092"),
        ("HOME_CAPACITY", "10"),
        ("RUN_AS_USER", "0"),
        ("IMAGE_PULL_POLICY", "Sometimes"),
        ("IMAGE_PULL_SECRETS", '["UPPER"]'),
    ],
)
def test_what_no_cluster_would_take_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"kubernetes\.{name.lower()}"):
        Settings.load({f"{PREFIX}KUBERNETES__{name}": value})
