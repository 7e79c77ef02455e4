"""Typed settings: one YAML file, then variables ``PRIMEHUB_SETTING__A__B``. An unknown key is an error.

A variable's text is the value; lists, mappings and texts in quotes are read as YAML.

The chart's values and the file of one machine are this same model. What platform admins change while the platform
runs is not here but in the database (``domain.system.SystemSettings``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

PREFIX = "PRIMEHUB_SETTING__"
FILE_VARIABLE = "PRIMEHUB_SETTINGS"
DEFAULT_GATEWAY_PORT = 8093
CONNECT_TIMEOUT = 10
"""Seconds that a database server has to take a connection, where its URL says nothing else."""
Port = Annotated[int, Field(ge=0, le=65535)]
Switch = Annotated[Literal["auto", "off"], BeforeValidator(lambda value: "off" if value is False else value)]
"""``off`` without quotes is YAML's own word for no."""

KubernetesName = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
RuntimeClassName = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
LabelName = Annotated[
    str,
    Field(max_length=317, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"),
]
"""Of a label or an annotation: ``team``, ``example.org/cost-centre``."""
LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
CapacityText = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$")]
"""Like ``10Gi``."""
KnownHost = Annotated[
    str, Field(pattern=r"^(@cert-authority |@revoked )?[^\s#@]+ [a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( .*)?$")
]
"""Like ``git.example.org ssh-ed25519 AAAA...``, as ``ssh-keyscan`` prints it."""
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")]


class SettingsError(Exception):
    """The settings are not valid; the text names each key and what is wrong with it."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, validate_default=True)


class TlsSettings(_Section):
    """The certificate of the public address."""

    cert: Path | None = None
    """Its file (PEM), with the chain."""
    key: Path | None = None
    """The key's file (PEM), without a passphrase."""


class LocalSettings(_Section):
    """One machine."""

    allow_unsandboxed: bool = False
    """Let everyone start workloads where no sandbox can run. They are then not protected from each other."""
    sandbox: Switch = "auto"
    """``off`` runs workloads without one: they see each other's files and processes."""
    network: Literal["auto", "pasta", "shared"] = "auto"
    """``auto``: each workload has a network of its own where pasta can run. ``pasta``: none starts without. ``shared``: none has."""
    workload_uid: int = Field(default=1000, ge=1)
    """The uid that workloads run as where the platform was started as root."""
    host_path_roots: tuple[Path, ...] = ()
    """Folders under which volumes of kind hostPath may be."""
    base_python: Path | None = None
    """The interpreter that environments are made from; empty is the platform's own choice."""
    capacity_cpu: float | None = Field(default=None, gt=0)
    """Cores that workloads may request in all; empty is the machine's."""
    capacity_memory: str | None = None
    """Memory that workloads may request in all, like ``16Gi``; empty is the machine's less a reserve."""
    base_environment: Path | None = None
    """An environment with JupyterLab that is there already, to be the first image; empty makes one."""
    base_packages: tuple[str, ...] = (
        "jupyterlab>=4.6,<5",
        "jupyterhub>=6.1,<7",
        "ipykernel>=7,<8",
        "ipywidgets>=8,<9",
        "numpy>=2,<3",
        "pandas>=2,<4",
        "scipy>=1,<2",
        "matplotlib>=3,<4",
        "scikit-learn>=1,<2",
    )
    """What the first image holds where it is made."""


class KubernetesSettings(_Section):
    """One namespace of a Kubernetes cluster."""

    namespace: KubernetesName | Literal[""] = ""
    """Where workloads run; empty is the namespace of this pod, or that of the kubeconfig's context."""
    instance: KubernetesName = "primehub"
    """The label ``primehub.io/instance`` of all that is ours, so that two installations never touch each other's."""
    api_url: HttpUrl | Literal[""] = ""
    """Where workloads and the hub reach PrimeHub's API: ``http://primehub-services:8092/services/primehub/api/v1``."""
    hub_url: HttpUrl | Literal[""] = ""
    """Where workloads, services and proxy reach the hub: ``http://primehub-hub:8081``."""
    proxy_pods: str = ""
    """A name of which each of the proxy's pods has an address: they alone are believed about whom they pass on. Empty
    believes everybody who reaches the services."""
    proxy_api_url: HttpUrl | Literal[""] = ""
    """Where the hub tells the proxy its routes: ``http://primehub-proxy-api:8001``."""
    gateway_url: HttpUrl | Literal[""] = ""
    """Where the proxy and the health page reach the gateway: ``http://primehub-gateway:8093``; empty is no gateway."""
    notebook_image: str = ""
    """The image that the first start offers to people: that of ``images/notebook``."""
    sidecar_image: str = ""
    """What keeps a workload's log and files: the image of ``images/sidecar``."""
    git_image: str = ""
    """What fetches the repositories of volumes: the image of ``images/git``; without it there are none."""
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    """For the images of workloads; empty is the cluster's own rule: ``Always`` for the tag ``latest``. But for ``Never``,
    images of a group and those with a pull secret are always asked for: a node gives what it has to anybody."""
    image_pull_secrets: tuple[KubernetesName, ...] = ()
    """Secrets of the namespace that every workload's images are pulled with, beside an image's own."""
    home_storage_class: KubernetesName | Literal[""] = ""
    """Of the claims of people's home folders; empty is the cluster's default."""
    scratch_capacity: CapacityText | Literal[""] = "20Gi"
    """The most that a workload may write to its node's disk: its scratch folders, and its image's own; empty is no limit."""
    group_storage_class: KubernetesName | Literal[""] = ""
    """Of the claims of groups' folders and volumes, which many pods write to at once; empty is the cluster's default."""
    group_capacity: CapacityText = "10Gi"
    """Size of a group's folder, and of a volume, where nothing else is set for them."""
    run_as_user: int = Field(default=1000, ge=1)
    """The uid of workloads, but of those of groups whose pod security is baseline."""
    run_as_group: int = Field(default=100, ge=0)
    """Their group."""
    fs_group: int = Field(default=100, ge=0)
    """The group that volumes are made writable for."""
    read_only_root: bool = False
    """Let workloads write to their folders and ``/tmp`` alone, and to nothing of their image."""
    priority_class: KubernetesName | Literal[""] = ""
    """Of workloads' pods; empty is the cluster's default."""
    runtime_class: RuntimeClassName | Literal[""] = ""
    """Of notebooks' and jobs' pods, for a runtime that keeps them further apart (gVisor, Kata); empty is the cluster's own."""
    pod_annotations: dict[LabelName, str] = Field(default_factory=dict)
    """Of every pod of a workload, for what looks at them there: a service mesh, a backup. Those of PrimeHub's own names stay."""
    pod_labels: dict[LabelName, LabelValue] = Field(default_factory=dict)
    """Of every pod of a workload, for accounts and policies of the cluster's own. Those of PrimeHub's own names stay."""


class GitSettings(_Section):
    """How the repositories of volumes are fetched."""

    known_hosts: tuple[KnownHost, ...] = ()
    """Keys of the servers that are asked by ssh, as the lines of OpenSSH's file of that name. Where there are any, no
    other server is trusted; empty trusts each by the key that it showed first."""


class OidcSettings(_Section):
    """Sign-in through an OpenID Connect provider, beside local accounts or instead of them."""

    issuer: HttpUrl
    """The provider's address, below which its discovery document is."""
    client_id: str
    """What the provider knows PrimeHub by."""
    client_secret: SecretStr
    """Better in a variable than in the file."""
    name: str = "Single sign-on"
    """What the sign-in button says."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What is asked for; the groups may want one more."""
    username_claim: str = "preferred_username"
    """What a new account is named after."""
    groups_claim: str = "groups"
    """The claim with the groups, ``a.b`` for one inside another; empty leaves memberships alone."""
    admin_groups: frozenset[str] = frozenset()
    """The provider's groups whose people are platform admins."""
    ca_file: Path | None = None
    """Certificates to trust for the provider instead of the system's."""
    offline_access: bool = True
    """Ask for a grant that outlives a session (scope ``offline_access``) where the provider's discovery lists it."""
    ask_every: int = Field(default=300, ge=1)
    """Seconds after which the provider is asked again about somebody who does something."""
    go_on_for: int = Field(default=43200, ge=60)
    """Seconds for which who was confirmed goes on while the provider cannot be asked about them; then they sign in."""


class AccountSettings(_Section):
    """Who may sign in, and how."""

    local: bool = True
    """Accounts with a password that PrimeHub keeps."""
    oidc: OidcSettings | None = None
    password_min_length: int = Field(default=10, ge=8, le=128)
    """Characters of a new password, at least."""
    lockout_after: int = Field(default=5, ge=1)
    """Failed sign-ins after which each next one must wait, twice as long each time."""

    @model_validator(mode="after")
    def _somebody_can_administer(self) -> Self:
        if self.local:
            return self
        if self.oidc is None:
            msg = "local is off and there is no oidc, so nobody could sign in; set one of them"
            raise ValueError(msg)
        # the first administrator is made with a password: without one only the provider can say who it is
        if not (self.oidc.admin_groups and self.oidc.groups_claim):
            msg = (
                "local is off, so that only the provider can make somebody a platform admin: "
                "name its groups in oidc.admin_groups, and leave oidc.groups_claim set"
            )
            raise ValueError(msg)
        return self


class SmtpSettings(_Section):
    """The mail server through which people are told of their jobs."""

    model_config = ConfigDict(populate_by_name=True)

    host: Annotated[str, Field(min_length=1)]
    """The mail server's name or address."""
    port: Port = 0
    """0 is the usual one: 587 for starttls, 465 for tls, 25 for none."""
    sender: str = Field(alias="from", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    """The address that messages come from."""
    username: str = ""
    """Whom it signs in as; empty is nobody."""
    password: SecretStr = SecretStr("")
    """Needs starttls or tls."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """none sends in the clear, and is for a server on this machine."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> Self:
        if self.security == "none" and self.password.get_secret_value():
            msg = "security: a password needs starttls or tls"
            raise ValueError(msg)
        return self

    @property
    def real_port(self) -> int:
        """The port to connect to."""
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.security]


class NotificationSettings(_Section):
    """How people are told of what their jobs do. Each person chooses; without ``smtp`` there is no e-mail."""

    smtp: SmtpSettings | None = None
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that are not public, to which webhooks may go all the same, without TLS too: ``10.1.2.0/24``."""
    webhook_ca_file: Path | None = None
    """Certificates to trust for webhooks instead of the system's."""


class Settings(_Section):
    """Everything that is configured before the platform starts."""

    data_dir: Path
    """Where everything is kept. Unset: ``PRIMEHUB_DATA``, else ``/var/lib/primehub`` for root, ``~/.local/share/primehub`` for
    others."""
    secrets_dir: Path | None = None
    """Folder of keys and tokens that somebody else keeps, a mounted Secret; empty is one in the data folder."""
    host: str = "127.0.0.1"
    """The address to listen on; ``0.0.0.0`` is all of this machine's."""
    port: Port = 8000
    """The port to listen on."""
    public_url: HttpUrl | Literal[""] = ""
    """The address that people use, for links in invitations and for OpenID Connect; empty is host and port."""
    base_url: Literal["/"] = "/"
    """The platform has a host name of its own, and no path before its own."""
    engine: Literal["local", "kubernetes", "fake"] = "local"
    """What runs workloads; ``fake`` is for tests."""
    database_url: SecretStr = SecretStr("")
    """SQLAlchemy URL; empty is SQLite in the data folder."""
    hub_database_url: SecretStr = SecretStr("")
    """The hub's own database, another one than PrimeHub's; empty is SQLite in the data folder."""
    tls: TlsSettings = Field(default_factory=TlsSettings)
    accounts: AccountSettings = Field(default_factory=AccountSettings)
    local: LocalSettings = Field(default_factory=LocalSettings)
    kubernetes: KubernetesSettings = Field(default_factory=KubernetesSettings)
    git: GitSettings = Field(default_factory=GitSettings)
    notifications: NotificationSettings = Field(default_factory=NotificationSettings)
    hub_port: Port = 0
    """Ports inside the machine; 0 is a free one, kept for the next start."""
    services_port: Port = 0
    """As ``hub_port``."""
    gateway_port: Port = 0
    """As ``hub_port``."""
    proxy_api_port: Port = 0
    """As ``hub_port``."""
    spawn_timeout: int = Field(default=300, ge=10, description="Seconds within which a notebook must answer.")
    slow_spawn_timeout: float = Field(default=2, ge=0)
    """Seconds after which the hub's page waits no longer for a start, and shows how far it is."""
    poll_interval: int = Field(default=5, ge=1, description="Seconds between two looks whether a notebook still runs.")
    cull_interval: int = Field(default=30, ge=1, description="Seconds between two looks for idle notebooks.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Of the hub's and the services' logs."""

    @field_validator("database_url", "hub_database_url")
    @classmethod
    def _with_driver(cls, value: SecretStr) -> SecretStr:
        """PostgreSQL's driver is the one that PrimeHub brings, where the URL names none; and a bound, where it has none.

        A server behind a firewall that drops what it is sent would be waited for by the kernel, two minutes and more.
        """
        scheme, separator, rest = value.get_secret_value().partition("://")
        if not scheme.startswith("postgres"):
            return value
        driver = "postgresql+psycopg" if scheme in ("postgres", "postgresql") else scheme
        if "connect_timeout=" not in rest:
            rest += f"{'&' if '?' in rest else '?'}connect_timeout={CONNECT_TIMEOUT}"
        return SecretStr(f"{driver}{separator}{rest}")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("postgresql+psycopg://", "sqlite://")):
            msg = "must begin with postgresql:// or sqlite://"
            raise ValueError(msg)
        return value

    @property
    def secrets(self) -> Path:
        """The folder of the files that hold keys and tokens, one each."""
        return self.secrets_dir or self.data_dir / "secrets"

    @property
    def primehub_database_url(self) -> str:
        """Where PrimeHub's own data is."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'primehub.sqlite'}"

    @property
    def jupyterhub_database_url(self) -> str:
        """Where the hub's data is."""
        return self.hub_database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'hub' / 'jupyterhub.sqlite'}"

    @property
    def gateway_url(self) -> str:
        """Where the gateway listens; empty where there is none."""
        if self.engine == "kubernetes":
            return self.kubernetes.gateway_url.rstrip("/")
        return f"http://127.0.0.1:{self.gateway_port or DEFAULT_GATEWAY_PORT}"

    @property
    def address(self) -> str:
        """The public address, without a slash at its end."""
        return (self.public_url or self.listening).rstrip("/")

    @property
    def listening(self) -> str:
        """Where the proxy listens, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls.cert else 'http'}://{host}:{self.port}"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, *, file: Path | None = None) -> Settings:
        """The settings of this process. Raises ``SettingsError`` naming each wrong key."""
        environ = os.environ if environ is None else environ
        path = file or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
        values: dict[str, Any] = {}
        if path is not None:
            values = _read(path)
        for name, text in environ.items():
            if name.startswith(PREFIX):
                _put(values, name, text)
        values.setdefault("data_dir", str(default_data_dir(environ)))
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, e['loc'])) or 'settings'}: {_word(e)}"
                for e in error.errors(include_input=False, include_url=False)
            ]
            raise SettingsError("\n".join(lines)) from None


def _word(error: ErrorDetails) -> str:
    return (
        "there is no such setting" if error["type"] == "extra_forbidden" else error["msg"].removeprefix("Value error, ")
    )


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """Where data is kept unless said otherwise: the system's place for root, else the person's."""
    if environ.get("PRIMEHUB_DATA"):
        return Path(environ["PRIMEHUB_DATA"]).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/primehub")
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "primehub"


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise SettingsError(msg) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        msg = f"{path}{where}: not valid YAML: {getattr(error, 'problem', None) or error}"
        raise SettingsError(msg) from error
    if not isinstance(values, dict):
        msg = f"{path}: must hold keys and values"
        raise SettingsError(msg)
    return values


def _put(values: dict[str, Any], name: str, text: str) -> None:
    """Set what the variable ``name`` stands for. Its text is never shown: it may be a secret."""
    *sections, key = name.removeprefix(PREFIX).lower().split("__")
    for section in sections:
        if values.get(section) is None:
            values[section] = {}
        values = values[section]
        if not isinstance(values, dict):
            msg = f"{name}: {section} is set to a value, and has no keys of its own"
            raise SettingsError(msg)
    values[key] = _value(name, text.strip())


def _value(name: str, text: str) -> Any:
    """What a variable's text means: as it is, unless it is a list, a mapping or in quotes, which are YAML.

    Everything else would be too: a password like ``0123`` or ``a #b`` would become another one.
    """
    if text in ("", "null", "~"):
        return None
    if text[0] not in "[{\"'":
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        msg = f"{name}: not valid YAML; write it in double quotes"
        raise SettingsError(msg) from None
