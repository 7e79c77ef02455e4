"""Writes helm/primehub/values.schema.json: what the chart takes, of which ``settings`` is the platform's own model.

    python scripts/make_values_schema.py

What only the chart knows is left out of ``settings`` (addresses, folders), and so are secrets, which come from Secrets.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hub_config.settings import Settings  # noqa: E402 - of the source tree that this script is in

SCHEMA = ROOT / "helm" / "primehub" / "values.schema.json"
OF_THE_CHART = {
    "": {"base_url", "data_dir", "engine", "gateway_port", "host", "hub_port", "local", "port", "proxy_api_port",
         "secrets_dir", "services_port", "tls"},
    "kubernetes": {"api_url", "gateway_url", "git_image", "hub_url", "image_pull_policy", "image_pull_secrets", "instance",
                   "namespace", "notebook_image", "proxy_api_url", "proxy_pods", "sidecar_image"},
}  # fmt: skip
"""Settings that a value of ``settings`` cannot give, by section."""

ON = {"properties": {"enabled": {"const": True}}}
Condition = tuple[dict[str, Any], dict[str, Any]]
INGRESS: Condition = (
    {"properties": {"ingress": ON}},
    {"properties": {"ingress": {"properties": {"host": {"minLength": 1}}}}},
)
ROUTE: Condition = (
    {"properties": {"httpRoute": ON}},
    {"properties": {"httpRoute": {"properties": {"hostnames": {"minItems": 1}, "parentRefs": {"minItems": 1}}}}},
)
KNOWN_BY: Condition = (
    {
        "properties": {
            "proxy": {"properties": {"tls": {"properties": {"secretName": {"minLength": 1}}}}},
            "httpRoute": {
                "properties": {
                    "enabled": {"const": True},
                    "hostnames": {"items": {"pattern": r"^\*"}},
                    "backendTls": {"properties": {"policy": {"const": True}}},
                }
            },
        }
    },
    {
        "properties": {
            "httpRoute": {"properties": {"backendTls": {"properties": {"hostname": {"minLength": 1}}}}},
        }
    },
)
SEVERAL: Condition = (
    {"properties": {"services": {"properties": {"replicas": {"minimum": 2}}}}},
    {
        "properties": {
            "services": {"properties": {"storage": {"properties": {"accessMode": {"const": "ReadWriteMany"}}}}},
            "secretSettings": {"required": ["database_url"]},
        }
    },
)
ADDRESS: Condition = (
    {
        "properties": {"proxy": {"properties": {"tls": {"properties": {"secretName": {"minLength": 1}}}}}},
        "not": {"anyOf": [{"properties": {"ingress": ON}}, {"properties": {"httpRoute": ON}}]},
    },
    {"properties": {"settings": {"required": ["public_url"]}}},
)
OIDC: Condition = (
    {
        "properties": {
            "settings": {
                "required": ["accounts"],
                "properties": {"accounts": {"required": ["oidc"], "properties": {"oidc": {"type": "object"}}}},
            }
        }
    },
    {"properties": {"secretSettings": {"required": ["accounts.oidc.client_secret"]}}},
)
NO_PASSWORDS: Condition = (
    {
        "properties": {
            "settings": {
                "required": ["accounts"],
                "properties": {"accounts": {"required": ["local"], "properties": {"local": {"const": False}}}},
            }
        }
    },
    {
        "properties": {
            "settings": {
                "properties": {
                    "accounts": {
                        "required": ["oidc"],
                        "properties": {
                            "oidc": {
                                "type": "object",
                                "required": ["admin_groups"],
                                "properties": {"admin_groups": {"minItems": 1}, "groups_claim": {"minLength": 1}},
                            }
                        },
                    }
                }
            }
        }
    },
)
SCRAPED: Condition = (
    {
        "properties": {
            "prometheus": {"properties": {"serviceMonitor": {"const": True}}},
            "networkPolicies": ON,
        }
    },
    {"properties": {"networkPolicies": {"properties": {"metricsFrom": {"minItems": 1}}}}},
)
INSIDE: Condition = (
    {"properties": {"proxy": {"properties": {"service": {"properties": {"type": {"const": "ClusterIP"}}}}}}},
    {"properties": {"proxy": {"properties": {"service": {"properties": {"nodePort": {"type": "null"}}}}}}},
)
UNBALANCED: Condition = (
    {
        "properties": {
            "proxy": {"properties": {"service": {"properties": {"type": {"enum": ["ClusterIP", "NodePort"]}}}}}
        }
    },
    {
        "properties": {
            "proxy": {
                "properties": {
                    "service": {
                        "properties": {
                            "loadBalancerIP": {"maxLength": 0},
                            "loadBalancerSourceRanges": {"maxItems": 0},
                        }
                    }
                }
            }
        }
    },
)
CONDITIONS = (SEVERAL, INGRESS, ROUTE, KNOWN_BY, ADDRESS, OIDC, NO_PASSWORDS, SCRAPED, INSIDE, UNBALANCED)
"""If there are several pods of the services, then they need this; a certificate of the proxy is for a name; and the like."""

EXACT_HOST = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
Host = Annotated[str, Field(max_length=253, pattern=rf"^(\*\.)?{EXACT_HOST}$")]
ExactHost = Annotated[str, Field(max_length=253, pattern=f"^{EXACT_HOST}$")]
Registry = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._/-]+)?$")]
Name = Annotated[str, Field(max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Quantity = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$", examples=["10Gi"])]
Cidr = Annotated[str, Field(pattern=r"^[0-9a-fA-F.:]+/[0-9]+$")]
Cidr4 = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){3}/[0-9]+$")]
Cidr6 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]*:[0-9a-fA-F.:]+/[0-9]+$")]
Texts = dict[str, str]
AnyObject = dict[str, Any]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A part of the values in which only what is known may be set."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Images(Section):
    """Where the platform's images are."""

    registry: Registry | Literal[""]
    """What the images' names begin with: ``registry.example.org:5000``. Empty is the cluster's own default."""
    tag: str
    """Of all of them; empty is the chart's appVersion."""
    pullPolicy: Literal["Always", "IfNotPresent", "Never"]
    pullSecrets: list[Name]
    """Of this namespace, for the platform's pods and for workloads."""
    hub: str
    notebook: str
    """The image that the first start offers to people."""
    sidecar: str
    git: str
    """What fetches the repositories of volumes."""


class SecretKey(Section):
    """One key of a Secret of this namespace."""

    name: Name
    key: str


class Storage(Section):
    """A claim; it stays when the release is uninstalled."""

    class_: str = Field(alias="class")
    """Storage class; empty is the cluster's default."""
    size: Quantity


class SharedStorage(Storage):
    """One that several pods may share."""

    accessMode: Literal["ReadWriteOnce", "ReadWriteMany"]
    """Of the claim, when it is made; a claim cannot be given another one."""


class Resources(Section):
    """Of a container, as in a pod."""

    requests: dict[str, str | float] = {}
    limits: dict[str, str | float] = {}


class Variable(Section):
    """An environment variable, as in a container."""

    name: Annotated[str, Field(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")]
    value: str = ""
    valueFrom: AnyObject = {}


class Part(Section):
    """What every part's pod is given."""

    resources: Resources
    extraEnv: list[Variable]
    annotations: Texts
    """Of the pod."""
    nodeSelector: Texts
    tolerations: list[AnyObject]
    affinity: AnyObject


class WithVolumes(Part):
    """A part that keeps something."""

    storage: Storage
    extraVolumes: list[AnyObject]
    extraVolumeMounts: list[AnyObject]


class Hub(WithVolumes):
    """JupyterHub."""

    extraConfig: dict[Annotated[str, Field(max_length=200, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")], str]
    """Python that follows the hub's configuration, by name, in the order of the names; ``c`` has all that is configured."""


class Services(WithVolumes):
    """API, portal and controllers."""

    replicas: int = Field(ge=1, le=20)
    """Pods, one of which runs the controllers. More than one need PostgreSQL and a claim that they can share."""
    storage: SharedStorage


class Gateway(Part):
    """The way to models and apps."""

    replicas: int = Field(ge=1, le=20)
    """Pods; they share nothing, so there may be any number."""


class ProxyService(Section):
    """The address in front of everything."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"]
    annotations: Texts
    nodePort: Port | None
    """Of a NodePort or LoadBalancer; which ports may be one is the cluster's to say (30000-32767, unless it was told otherwise)."""
    loadBalancerIP: str
    """Of a LoadBalancer."""
    loadBalancerSourceRanges: list[Cidr]
    """Who may reach a LoadBalancer; empty is everybody."""


class Tls(Section):
    """A certificate, in a Secret of type kubernetes.io/tls."""

    secretName: Name | Literal[""]


class Proxy(Part):
    """configurable-http-proxy."""

    service: ProxyService
    tls: Tls
    behind: bool
    """Whether something that is not this chart's ends TLS before it, and says by X-Forwarded-* what was asked."""


class Ingress(Section):
    """An Ingress in front of the proxy."""

    enabled: bool
    className: str
    host: Host | Literal[""]
    tls: Tls
    annotations: Texts


class BackendTls(Section):
    """How the gateway knows the proxy where that has a certificate (``proxy.tls``): by a BackendTLSPolicy."""

    policy: bool
    """Whether to make it: not for a Gateway API before 1.4, or where you make your own."""
    hostname: ExactHost | Literal[""]
    """What the certificate is for; empty is the first of the route's hostnames that is no wildcard."""
    caConfigMap: Name | Literal[""]
    """A ConfigMap of this namespace whose key ``ca.crt`` has who signed it; empty is who the gateway trusts anyway."""


class HttpRoute(Section):
    """A route of the Gateway API in front of the proxy."""

    enabled: bool
    hostnames: list[Host]
    parentRefs: list[AnyObject]
    tls: bool
    """Whether the gateway answers with a certificate."""
    backendTls: BackendTls
    annotations: Texts


class PlatformNetwork(Section):
    """What hub and services may reach outside the platform."""

    ports: list[Port]
    """TCP, at any address: the cluster's API, PostgreSQL, single sign-on, mail, webhooks. Empty is none."""
    extraEgress: list[AnyObject]


class WorkloadNetwork(Section):
    """What notebooks and jobs may reach beside the platform."""

    internet: bool
    blocked: list[Cidr4]
    """IPv4 networks that are not the internet; empty keeps none from it."""
    blockedIPv6: list[Cidr6]
    extraEgress: list[AnyObject]


class GitNetwork(Section):
    """What fetches the repositories of volumes may reach: the internet where workloads may, and this."""

    extraEgress: list[AnyObject]


class NetworkPolicies(Section):
    """Nothing in the namespace is reached or reaches anything but by these."""

    enabled: bool
    proxyFrom: list[AnyObject]
    """Peers that may reach the proxy; empty is everybody."""
    metricsFrom: list[AnyObject]
    """Peers that may reach hub, services and gateway to read metrics; empty is nobody outside."""
    dns: list[AnyObject]
    """Peers that are asked for names; empty is nobody."""
    dnsPorts: list[Port] = Field(min_length=1)
    """UDP and TCP, of the pods that answer."""
    platform: PlatformNetwork
    workloads: WorkloadNetwork
    git: GitNetwork


class Prometheus(Section):
    """Metrics."""

    annotations: bool
    """Mark the Services of hub, services and gateway for scraping; your Prometheus has to send the key ``metrics.token`` of the
    platform's Secret."""
    serviceMonitor: bool
    """Make a ServiceMonitor for each part that has numbers, with the token that all of them know."""
    labels: Texts
    """Of the ServiceMonitors."""
    interval: Annotated[str, Field(pattern=r"^[1-9][0-9]*(s|m)$")]


class Hooks(Section):
    """What makes the keys, and ``helm test``."""

    resources: Resources


class ServiceAccounts(Section):
    """Of hub and services."""

    annotations: Texts


class Values(Section):
    """The chart's values."""

    images: Images
    settings: AnyObject
    secretSettings: dict[str, SecretKey]
    """Settings that are secret, each from a key of a Secret."""
    existingSecret: Name | Literal[""]
    """A Secret with the platform's keys and tokens; empty: a hook makes one, once."""
    hub: Hub
    services: Services
    gateway: Gateway
    proxy: Proxy
    ingress: Ingress
    httpRoute: HttpRoute
    networkPolicies: NetworkPolicies
    hooks: Hooks
    serviceAccounts: ServiceAccounts
    podDisruptionBudgets: bool
    priorityClassName: str
    prometheus: Prometheus


def schema() -> dict[str, Any]:
    """The whole schema, as Helm reads it."""
    made = Values.model_json_schema(by_alias=True)
    settings = Settings.model_json_schema()
    definitions = {f"Settings.{name}": part for name, part in settings.pop("$defs").items()}
    secrets = sorted(_secrets(settings, definitions))
    _prune(settings, definitions)
    made["properties"]["settings"] = _moved(settings)
    made["$defs"] |= _moved(definitions)
    _close(made)
    made["properties"]["secretSettings"]["propertyNames"] = {"enum": secrets}
    made["allOf"] = [{"if": when, "then": then} for when, then in CONDITIONS]
    # helm gives every chart this one
    made["properties"]["global"] = {"type": "object"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _secrets(part: dict[str, Any], definitions: dict[str, Any], path: str = "") -> Iterator[str]:
    """The paths of the settings that are secret."""
    for name, found in part.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        if found.get("writeOnly"):
            yield here
        for inner in _sections(found):
            yield from _secrets(definitions[inner], definitions, here)


def _sections(found: dict[str, Any]) -> list[str]:
    references = [found, *found.get("anyOf", ())]
    return [f"Settings.{r['$ref'].rpartition('/')[2]}" for r in references if "$ref" in r]


def _prune(settings: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Take out what is the chart's, and secrets; nothing is required of an operator but what has no default."""
    for name, part in {"": settings, **definitions}.items():
        section = name.removeprefix("Settings.").removesuffix("Settings").lower()
        properties = part.get("properties", {})
        secret = {key for key, found in properties.items() if found.get("writeOnly")}
        for key in secret | OF_THE_CHART.get(section, set()):
            properties.pop(key, None)
        part["required"] = [key for key in part.get("required", ()) if key in properties]


def _close(part: Any) -> None:
    """Refuse the names that no pattern allows: pydantic says what is allowed, and Helm takes the rest."""
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _close(inner)
    if isinstance(part, dict) and "patternProperties" in part:
        part["additionalProperties"] = False


def _moved(part: Any) -> Any:
    """The references as they are in the chart's schema, and no default that a path of this machine could be in."""
    if isinstance(part, dict):
        moved = {key: _moved(value) for key, value in part.items()}
        if isinstance(reference := moved.get("$ref"), str):
            moved["$ref"] = reference.replace("#/$defs/", "#/$defs/Settings.")
        return moved
    return [_moved(value) for value in part] if isinstance(part, list) else part


def text() -> str:
    """What the file holds."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text())
