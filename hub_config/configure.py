"""``configure(c, settings)``: tells a JupyterHub all that PrimeHub needs, and nothing that it does not.

``primehub up`` uses it through ``jupyterhub_config.py``. Somebody who runs a JupyterHub already writes into their own
configuration: ``from hub_config.configure import configure; configure(c)``. A port that is 0 in the
settings leaves that part of the hub as it is.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from primehub_services.client.base import API_PATH

from . import cluster
from .accounts import PrimeHubAuthenticator
from .hub_counts import count_servers_alone
from .hub_database import ask_no_file_whether_it_is_there, write_ahead
from .roles import (
    AUTHENTICATOR,
    CULLER,
    GATEWAY,
    GATEWAY_SCOPES,
    METRICS,
    NOTEBOOK_SCOPES,
    PORTAL_SCOPES,
    PRIMEHUB,
    SPAWNER,
    custom_scopes,
    extra_user_scopes,
    load_roles,
)
from .secret_files import secret_file
from .services import look_often, wait_not_for
from .settings import PREFIX, OidcSettings, Settings

HERE = Path(__file__).parent
PORTAL_URL = "/services/primehub/"
DEFAULT_SERVICES_PORT = 8092
NAMED_SERVERS = 10
"""Servers that a person may have at once beside the default one; what they may use is the quota's affair."""
AUTH_REFRESH = 3
"""Seconds after which the hub asks again whether a person may go on. With the API's own 5 s, under 10 in all."""
COOKIE_DAYS = 7.0
GATEWAY_WAIT = 30
"""Seconds after which the hub says that the gateway has not come."""
KEPT = (
    "HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "USER", "XDG_DATA_HOME", "XDG_CACHE_HOME",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO",
)  # fmt: skip
"""Variables that the services process is given from ours; pip's own (``PIP_*``) too, for building environments."""


def configure(c: Any, settings: Settings | None = None) -> None:
    """Set everything, by default from ``Settings.load()``. Values that the caller sets afterwards win.

    Raises ``SettingsError`` where the settings cannot work together, ``SecretFileError`` where a secret cannot be kept.
    """
    settings = settings or Settings.load()
    if on_cluster(settings):
        cluster.check(settings.kubernetes)
    # the hub's database, whose file others could read, is made in it
    (settings.data_dir / "hub").mkdir(mode=0o700, parents=True, exist_ok=True)
    _hub(c, settings)
    _pages(c, settings)
    _proxy(c, settings)
    _sign_in(c, settings)
    _spawner(c, settings)
    _services(c, settings, os.environ)


def on_cluster(settings: Settings) -> bool:
    """Whether notebooks are pods, and hub, proxy and services too."""
    return settings.engine == "kubernetes"


def services_url(settings: Settings) -> str:
    """Where the services listen: on this machine, or under their name in the cluster."""
    if on_cluster(settings):
        return cluster.services_url(settings.kubernetes)
    return f"http://127.0.0.1:{settings.services_port or DEFAULT_SERVICES_PORT}"


def secrets_dir(settings: Settings) -> Path:
    """The folder of the files that hold secrets, one each."""
    return settings.secrets


def _hub(c: Any, settings: Settings) -> None:
    c.JupyterHub.db_url = settings.jupyterhub_database_url
    write_ahead(settings.jupyterhub_database_url)
    ask_no_file_whether_it_is_there()
    count_servers_alone()
    cookie_secret = secrets_dir(settings) / "cookie_secret"
    secret_file(cookie_secret)
    c.JupyterHub.cookie_secret_file = str(cookie_secret)
    c.JupyterHub.cookie_max_age_days = COOKIE_DAYS
    c.JupyterHub.bind_url = f"{settings.listening}/"
    if settings.public_url or settings.tls.cert:
        c.JupyterHub.public_url = f"{settings.address}/"
    if on_cluster(settings):
        cluster.hub(c, settings.kubernetes)
    else:
        c.JupyterHub.hub_ip = "127.0.0.1"
        if settings.hub_port:
            c.JupyterHub.hub_port = settings.hub_port
    c.JupyterHub.log_level = settings.log_level
    # the claim is the gate: the hub's own limits would refuse without a reason
    c.JupyterHub.concurrent_spawn_limit = 0
    c.JupyterHub.active_server_limit = 0
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.named_server_limit_per_user = NAMED_SERVERS
    # servers and proxy outlive the hub
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    # a look takes the hub two queries for every server; servers report their own activity too
    c.JupyterHub.last_activity_interval = 60
    # a notebook that was starting when the hub was killed may take long to answer: nobody else waits for it
    c.JupyterHub.init_spawners_timeout = 1
    c.JupyterHub.tornado_settings = {
        "slow_spawn_timeout": settings.slow_spawn_timeout,
        "headers": {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"},
        "cookie_options": {"samesite": "Lax"},  # as browsers of today do; said for those that do not
    }
    c.JupyterHub.custom_scopes = {**(_given(c.JupyterHub, "custom_scopes") or {}), **custom_scopes()}
    c.JupyterHub.extra_user_scopes = {*(_given(c.JupyterHub, "extra_user_scopes") or ()), *extra_user_scopes()}
    c.JupyterHub.load_roles = [*(_given(c.JupyterHub, "load_roles") or ()), *load_roles()]


def _pages(c: Any, settings: Settings) -> None:
    c.JupyterHub.default_url = PORTAL_URL
    c.JupyterHub.template_paths = [str(HERE / "templates")]
    c.JupyterHub.logo_file = str(HERE / "static" / "logo.svg")
    c.JupyterHub.template_vars = {
        "portal_url": PORTAL_URL,
        "portal_admin_url": f"{PORTAL_URL}admin",
        "password_min_length": settings.accounts.password_min_length,
        "local_accounts": settings.accounts.local,
        "oidc_name": settings.accounts.oidc.name if settings.accounts.oidc else "",
    }


def _proxy(c: Any, settings: Settings) -> None:
    if on_cluster(settings):
        cluster.proxy(c, settings.kubernetes, secret_file(secrets_dir(settings) / "proxy.token"))
        return
    if not settings.proxy_api_port:
        return
    # somebody else supervises it: a hub that starts its own replaces it, and every open kernel connection drops
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.auth_token = secret_file(secrets_dir(settings) / "proxy.token")


def _sign_in(c: Any, settings: Settings) -> None:
    c.JupyterHub.authenticator_class = PrimeHubAuthenticator
    section = c.PrimeHubAuthenticator
    section.api_url = services_url(settings) + API_PATH
    section.api_token = secret_file(secrets_dir(settings) / "authenticator.token")
    section.local_accounts = settings.accounts.local
    section.password_min_length = settings.accounts.password_min_length
    section.allow_all = True  # who may sign in is PrimeHub's decision, made in authenticate
    section.manage_groups = True
    section.auth_refresh_age = AUTH_REFRESH
    section.auth_refresh_strict = True
    # every start asks PrimeHub for a claim, which looks at the person anew
    section.refresh_pre_spawn = False
    section.enable_auth_state = settings.accounts.oidc is not None
    if settings.accounts.oidc is not None:
        section.oidc = True
        # what the provider is asked with again; the first key is ours, whatever the hub had before
        key = secret_file(secrets_dir(settings) / "auth_state.key")
        c.CryptKeeper.keys = [key, *(_given(c.CryptKeeper, "keys") or ())]
        _oidc(c.PrimeHubOIDCAuthenticator, settings, settings.accounts.oidc)


def _oidc(section: Any, settings: Settings, oidc: OidcSettings) -> None:
    section.issuer = oidc.issuer
    section.client_id = oidc.client_id
    section.client_secret = oidc.client_secret.get_secret_value()
    section.login_service = oidc.name
    section.scope = list(oidc.scopes)
    section.name_claim = oidc.username_claim
    section.groups_claim = oidc.groups_claim
    section.platform_admin_groups = set(oidc.admin_groups)
    section.enable_pkce = True
    section.lasting_grants = oidc.offline_access
    section.ask_every = oidc.ask_every
    section.go_on_for = oidc.go_on_for
    section.http_request_kwargs = {"connect_timeout": 5, "request_timeout": 10}
    if oidc.ca_file is not None:
        section.http_request_kwargs["ca_certs"] = str(oidc.ca_file)
    if settings.public_url:
        section.oauth_callback_url = f"{settings.address}/hub/oauth_callback"


def _spawner(c: Any, settings: Settings) -> None:
    section = cluster.spawner(c, settings.kubernetes) if on_cluster(settings) else _local_spawner(c, settings)
    section.api_url = services_url(settings) + API_PATH
    section.api_service_token = secret_file(secrets_dir(settings) / "spawner.token")
    section.portal_url = PORTAL_URL
    section.server_token_scopes = list(NOTEBOOK_SCOPES)
    section.start_timeout = settings.spawn_timeout
    section.http_timeout = min(settings.spawn_timeout, 120)
    section.poll_interval = settings.poll_interval
    section.consecutive_failure_limit = 0
    section.default_url = "/lab"
    section.env_keep = []


def _local_spawner(c: Any, settings: Settings) -> Any:
    from primehub_spawner.local import PrimeHubLocalSpawner

    c.JupyterHub.spawner_class = PrimeHubLocalSpawner
    section = c.PrimeHubLocalSpawner
    section.ip = "127.0.0.1"
    section.data_dir = str(settings.data_dir)
    section.sandbox = settings.local.sandbox
    section.network = settings.local.network
    section.workload_uid = settings.local.workload_uid
    section.allow_unsandboxed = settings.local.allow_unsandboxed
    section.host_path_roots = [str(path) for path in settings.local.host_path_roots]
    return section


def _services(c: Any, settings: Settings, environ: Mapping[str, str]) -> None:
    if on_cluster(settings):
        ours = cluster.service(settings, secret_file(secrets_dir(settings) / "services.token"))
    else:
        ours = _managed(settings, environ)
    services: list[dict[str, Any]] = [
        {
            "name": PRIMEHUB,
            "oauth_no_confirm": True,
            "oauth_client_allowed_scopes": list(PORTAL_SCOPES),
            "display": False,
            **ours,
        },
        {"name": SPAWNER, "api_token": secret_file(secrets_dir(settings) / "spawner.token"), "display": False},
        {
            "name": AUTHENTICATOR,
            "api_token": secret_file(secrets_dir(settings) / "authenticator.token"),
            "display": False,
        },
        {"name": METRICS, "api_token": secret_file(secrets_dir(settings) / "metrics.token"), "display": False},
        {
            "name": CULLER,
            "command": [
                *_python("jupyterhub_idle_culler"),
                f"--config={HERE / 'culler_config.py'}",
                f"--cull-every={settings.cull_interval}",
            ],
            "environment": {
                "PRIMEHUB_API_URL": services_url(settings) + API_PATH,
                "PATH": environ.get("PATH", os.defpath),
            },
            "display": False,
        },
        {
            "name": GATEWAY,
            "api_token": secret_file(secrets_dir(settings) / "gateway.token"),
            "display": False,
            **_gateway(settings, environ),
        },
    ]
    c.JupyterHub.services = [*(_given(c.JupyterHub, "services") or ()), *services]
    look_often()
    for own in (PRIMEHUB, GATEWAY):
        wait_not_for(own)


def _managed(settings: Settings, environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        "command": [*_python("primehub_services.app"), "--roles=api,controllers", f"--engine={settings.engine}"],
        "url": services_url(settings),
        "environment": services_environment(settings, environ),
        "timeout": 60,
    }


def _gateway(settings: Settings, environ: Mapping[str, str]) -> dict[str, Any]:
    url = settings.gateway_url
    if not url:
        return {}  # the hub does not begin where people would sign in to what has no address
    signs_in = {"oauth_no_confirm": True, "oauth_client_allowed_scopes": list(GATEWAY_SCOPES)}
    if on_cluster(settings):
        return {**signs_in, "url": url, "timeout": cluster.SERVICE_WAIT}
    state, metrics = settings.data_dir / "run" / "routes.json", secrets_dir(settings) / "metrics.token"
    secret_file(metrics)
    files = [f"--state={state.absolute()}", f"--metrics-token-file={metrics.absolute()}"]
    return {
        **signs_in,
        "command": [*_python("primehub_services.gateway"), *files],
        "url": url,
        "environment": {
            "PRIMEHUB_API_URL": services_url(settings) + API_PATH,
            "PRIMEHUB_LOG_LEVEL": settings.log_level,
            "PATH": environ.get("PATH", os.defpath),
        },
        "timeout": GATEWAY_WAIT,
    }


def services_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What the services process is given: the machine's ways from our variables, and the settings without the hub's
    secrets. Not the settings file, nor the variables that they came by: a secret may be anywhere in these."""
    kept = {name: value for name, value in environ.items() if name in KEPT or name.startswith("PIP_")}
    kept.setdefault("PATH", os.defpath)
    values = _revealed(settings.model_dump(exclude_unset=True, exclude={"hub_database_url"}))
    values["data_dir"] = str(settings.data_dir.absolute())
    if settings.accounts.oidc is not None:
        values["accounts"]["oidc"]["client_secret"] = ""
    # as it is: YAML, which reads it, takes half of an escaped pair of surrogates for a letter
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
    return kept | {f"{PREFIX}{name.upper()}": text for name, text in texts.items()}


def _revealed(value: Any) -> Any:
    """The value as JSON has it, secrets as they are."""
    if isinstance(value, dict):
        return {name: _revealed(inner) for name, inner in value.items()}
    return value.get_secret_value() if isinstance(value, SecretStr) else to_jsonable_python(value)


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def _given(section: Any, name: str) -> Any:
    return section.get(name)
