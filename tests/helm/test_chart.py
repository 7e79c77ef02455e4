"""What the chart makes of its values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from traitlets.config.loader import PyFileConfigLoader

from hub_config.settings import Settings
from primehub_services.cluster_keys import KEYS
from primehub_services.listening import host_of
from scripts import make_values_schema
from tests.support.chart import CHART, files, helm, one, pods, refused, rendered, variables

POSTGRES = {"database_url": {"name": "pg", "key": "primehub"}, "hub_database_url": {"name": "pg", "key": "hub"}}
OIDC = {"issuer": "https://sso.example.org", "client_id": "primehub"}
SHARED = {"accessMode": "ReadWriteMany"}
ROUTE = {"enabled": True, "hostnames": ["*.example.org", "hub.example.org"], "parentRefs": [{"name": "gateway"}]}
CERTIFIED = {"proxy": {"tls": {"secretName": "certificate"}}}
EVERYTHING: dict[str, Any] = {
    "images": {"registry": "registry.example.org:5000", "tag": "7", "pullSecrets": ["pull"]},
    "settings": {"accounts": {"oidc": OIDC}, "kubernetes": {"group_capacity": "20Gi"}},
    "secretSettings": {**POSTGRES, "accounts.oidc.client_secret": {"name": "sso", "key": "secret"}},
    "hub": {"extraConfig": {"b-later": "c.JupyterHub.log_level = 'DEBUG'", "a-first": "c.Spawner.debug = True"}},
    "services": {"replicas": 3, "storage": SHARED},
    "proxy": {"service": {"type": "LoadBalancer", "nodePort": 30080}, "tls": {"secretName": "certificate"}},
    "ingress": {"enabled": True, "className": "nginx", "host": "hub.example.org", "tls": {"secretName": "tls"}},
    "httpRoute": {"enabled": True, "hostnames": ["hub.example.org"], "parentRefs": [{"name": "gateway"}]},
    "networkPolicies": {"metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
    "prometheus": {"serviceMonitor": True, "labels": {"release": "prometheus"}},
    "priorityClassName": "high",
}
VALUES = {"nothing set": {}, "everything set": EVERYTHING}


@pytest.fixture(params=VALUES)
def values(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Values, from nothing to everything."""
    return VALUES[request.param]


def test_the_schema_is_what_the_settings_model_makes() -> None:
    made = make_values_schema.text()
    assert make_values_schema.SCHEMA.read_text() == made, "run: python scripts/make_values_schema.py"


def test_helm_finds_nothing_wrong_with_the_chart(values: dict[str, Any]) -> None:
    done = helm("lint", str(CHART), "--strict", values=values)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"sttings": {}}, "'sttings' not allowed"),
        ({"settings": {"accounts": {"locl": True}}}, "/settings/accounts': additional properties 'locl'"),
        ({"settings": {"data_dir": "/x"}}, "/settings': additional properties 'data_dir'"),
        ({"settings": {"kubernetes": {"group_capacity": "10G"}}}, "/settings/kubernetes/group_capacity"),
        ({"secretSettings": {"log_level": {"name": "x", "key": "y"}}}, "/secretSettings"),
        ({"hub": {"storage": {"size": 1}}}, "/hub/storage/size"),
        ({"proxy": {"service": {"type": "Ingress"}}}, "/proxy/service/type"),
        ({"services": {"replicas": 0}}, "/services/replicas"),
        ({"gateway": {"replicas": 0}}, "/gateway/replicas"),
        ({"ingress": {"enabled": True}}, "/ingress/host"),
        ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]}}, "/httpRoute/hostnames"),
        ({"httpRoute": {"enabled": True, "hostnames": ["hub.example.org"]}}, "/httpRoute/parentRefs"),
        ({"httpRoute": {**ROUTE, "hostnames": ["*.example.org"]}, **CERTIFIED}, "/httpRoute/backendTls/hostname"),
        ({"httpRoute": {**ROUTE, "backendTls": {"hostname": "*.example.org"}}}, "/httpRoute/backendTls/hostname"),
        ({"services": {"replicas": 2, "storage": SHARED}}, "/secretSettings': missing property 'database_url'"),
        ({"services": {"replicas": 2}, "secretSettings": POSTGRES}, "/services/storage/accessMode"),
        (
            {"settings": {"accounts": {"oidc": OIDC}}},
            "/secretSettings': missing property 'accounts.oidc.client_secret'",
        ),
        ({"settings": {"accounts": {"local": False}}}, "/settings/accounts': missing property 'oidc'"),
        (
            {"settings": {"accounts": {"local": False, "oidc": OIDC}}},
            "/settings/accounts/oidc': missing property 'admin_groups'",
        ),
        (
            {"settings": {"accounts": {"local": False, "oidc": {**OIDC, "admin_groups": []}}}},
            "/settings/accounts/oidc/admin_groups",
        ),
        ({"settings": {"public_url": "hub.example.org"}}, "/settings/public_url"),
        ({"proxy": {"tls": {"secretName": "certificate"}}}, "/settings': missing property 'public_url'"),
        ({"ingress": {"enabled": True, "host": "https://hub.example.org"}}, "/ingress/host"),
        ({"hub": {"extraConfig": {"a b/c": "x = 1"}}}, "/hub/extraConfig': additional properties 'a b/c'"),
        ({"hub": {"extraEnv": [{"nme": "x"}]}}, "/hub/extraEnv/0"),
        ({"services": {"resources": {"limts": {"cpu": 3}}}}, "/services/resources': additional properties 'limts'"),
        ({"images": {"registry": "https://registry.example.org"}}, "/images/registry"),
        ({"prometheus": {"serviceMonitor": True}}, "/networkPolicies/metricsFrom"),
        ({"proxy": {"service": {"nodePort": 30080}}}, "/proxy/service/nodePort"),
        ({"proxy": {"service": {"type": "NodePort", "nodePort": 70000}}}, "/proxy/service/nodePort"),
        ({"proxy": {"service": {"loadBalancerIP": "203.0.113.7"}}}, "/proxy/service/loadBalancerIP"),
        (
            {"proxy": {"service": {"type": "NodePort", "loadBalancerSourceRanges": ["203.0.113.0/24"]}}},
            "/proxy/service/loadBalancerSourceRanges",
        ),
        ({"networkPolicies": {"workloads": {"blocked": ["fc00::/7"]}}}, "/networkPolicies/workloads/blocked/0"),
        (
            {"networkPolicies": {"workloads": {"blockedIPv6": ["10.0.0.0/8"]}}},
            "/networkPolicies/workloads/blockedIPv6/0",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(wrong: dict[str, Any], path: str) -> None:
    assert path in refused(wrong)


@pytest.mark.parametrize("secret", ["database_url", "accounts.oidc.client_secret", "notifications.smtp.password"])
def test_a_secret_among_the_settings_is_refused_because_settings_are_no_secret(secret: str) -> None:
    filled: Any = {"accounts": {"oidc": dict(OIDC)}, "notifications": {"smtp": {"host": "m", "from": "a@b"}}}
    place = filled
    *sections, key = secret.split(".")
    for section in sections:
        place = place[section]
    place[key] = "hidden"
    assert key in refused({"settings": filled})


def test_the_rendered_settings_are_ones_that_the_platform_takes(values: dict[str, Any], tmp_path: Path) -> None:
    manifests = rendered(values)
    file = tmp_path / "settings.yaml"
    file.write_text(one(manifests, "ConfigMap", "primehub-settings")["data"]["settings.yaml"])
    for part in ("hub", "services"):
        pod = one(manifests, "Deployment", f"primehub-{part}")["spec"]["template"]["spec"]
        names = [name for name in variables(pod) if name.startswith("PRIMEHUB_SETTING__")]
        given = {name: "postgresql://database" if name.endswith("URL") else "hidden" for name in names}
        settings = Settings.load(given, file=file)
        assert settings.engine == "kubernetes"
        assert settings.kubernetes.namespace == "lab"
        assert settings.kubernetes.api_url == "http://primehub-services:8092/services/primehub/api/v1"


def test_each_pod_is_given_its_own_keys_and_no_others() -> None:
    manifests = rendered()
    hub, services = (dict(pods(manifests))[f"primehub-{part}"] for part in ("hub", "services"))
    assert "encryption.key" in files(services, "keys")
    assert "encryption.key" not in files(hub, "keys")
    assert "cookie_secret" not in files(services, "keys")
    of_proxy = {v["secretKeyRef"]["key"] for v in variables(dict(pods(manifests))["primehub-proxy"]).values()}
    assert of_proxy == {"proxy.token"}
    assert files(hub, "keys") | files(services, "keys") <= set(KEYS)


def test_the_gateway_reaches_the_api_the_hub_and_what_is_served_and_is_reached_through_the_proxy() -> None:
    manifests = rendered()
    policy = one(manifests, "NetworkPolicy", "primehub-gateway")["spec"]
    labels = [to["podSelector"]["matchLabels"] for rule in policy["egress"] for to in rule["to"]]
    parts = [found.get("app.kubernetes.io/component") for found in labels]
    assert parts == ["services", "hub", None]
    assert labels[-1]["primehub.io/served"] == "true"
    callers = [found["podSelector"]["matchLabels"] for found in policy["ingress"][0]["from"]]
    assert [found["app.kubernetes.io/component"] for found in callers] == ["proxy", "services", "hub"]
    served = one(manifests, "NetworkPolicy", "primehub-served")["spec"]
    assert [f["podSelector"] for f in served["ingress"][0]["from"]] == [policy["podSelector"]]


def test_the_gateway_has_its_own_token_that_of_prometheus_and_no_right_in_the_cluster() -> None:
    pod = dict(pods(rendered()))["primehub-gateway"]
    assert files(pod, "keys") == {"metrics.token"}
    secrets = [v["secretKeyRef"]["key"] for v in variables(pod).values() if isinstance(v, dict)]
    assert secrets == ["gateway.token"]
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod


def test_the_hub_alone_has_what_a_providers_grants_are_kept_with_where_there_is_a_provider() -> None:
    hub, services = (dict(pods(rendered(EVERYTHING)))[f"primehub-{part}"] for part in ("hub", "services"))
    assert "auth_state.key" in files(hub, "keys")
    assert "auth_state.key" not in files(services, "keys")
    assert "auth_state.key" not in files(dict(pods(rendered()))["primehub-hub"], "keys")


def test_secret_settings_reach_only_the_pod_that_needs_them() -> None:
    manifests = rendered(EVERYTHING)
    hub, services = (variables(dict(pods(manifests))[f"primehub-{part}"]) for part in ("hub", "services"))
    secret = "PRIMEHUB_SETTING__ACCOUNTS__OIDC__CLIENT_SECRET"
    assert hub[secret] == {"secretKeyRef": {"name": "sso", "key": "secret"}}
    assert services[secret] == '""'
    assert "PRIMEHUB_SETTING__DATABASE_URL" in services
    assert "PRIMEHUB_SETTING__DATABASE_URL" not in hub
    assert "PRIMEHUB_SETTING__HUB_DATABASE_URL" not in services


def test_nothing_is_made_up_while_rendering_so_that_every_rendering_is_the_same(values: dict[str, Any]) -> None:
    assert rendered(values) == rendered(values)
    assert not [m for m in rendered(values) if m["kind"] == "Secret"]


def test_a_secret_of_somebody_elses_takes_the_place_of_the_hook() -> None:
    manifests = rendered({"existingSecret": "sealed"})
    assert not [m for m in manifests if m["metadata"]["name"] == "primehub-keys"]
    pod = dict(pods(manifests))["primehub-services"]
    (keys,) = [v for v in pod["volumes"] if v["name"] == "keys"]
    assert keys["secret"]["secretName"] == "sealed"


def test_every_pod_keeps_to_the_restricted_standard(values: dict[str, Any]) -> None:
    for name, pod in pods(rendered(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert {"requests", "limits"} <= container["resources"].keys(), name


def test_no_right_reaches_outside_the_namespace(values: dict[str, Any]) -> None:
    manifests = rendered(values)
    assert not [m for m in manifests if m["kind"].startswith("Cluster")]
    for role in (m for m in manifests if m["kind"] == "Role"):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]


def test_data_outlives_the_release() -> None:
    claims = [m for m in rendered() if m["kind"] == "PersistentVolumeClaim"]
    assert {c["metadata"]["name"] for c in claims} == {"primehub-hub", "primehub-services"}
    assert all(c["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for c in claims)


def test_with_its_database_elsewhere_the_hub_has_no_claim() -> None:
    claims = [m for m in rendered({"secretSettings": POSTGRES}) if m["kind"] == "PersistentVolumeClaim"]
    assert [c["metadata"]["name"] for c in claims] == ["primehub-services"]


def test_several_pods_of_the_services_are_rolled_elect_one_and_keep_apart() -> None:
    manifests = rendered({"services": {"replicas": 3, "storage": SHARED}, "secretSettings": POSTGRES})
    deployment = one(manifests, "Deployment", "primehub-services")["spec"]
    pod = deployment["template"]["spec"]
    assert deployment["replicas"] == 3
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert pod["containers"][0]["command"][-1] == "--elect"
    (term,) = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["labelSelector"] == deployment["selector"]
    assert "publishNotReadyAddresses" not in one(manifests, "Service", "primehub-services")["spec"]
    claim = one(manifests, "PersistentVolumeClaim", "primehub-services")["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    disruption = one(manifests, "PodDisruptionBudget", "primehub-services")["spec"]
    assert (disruption["maxUnavailable"], disruption["selector"]) == (1, deployment["selector"])


def test_an_affinity_that_is_given_takes_the_place_of_ours() -> None:
    given = {"nodeAffinity": {}}
    services = {"replicas": 2, "storage": SHARED, "affinity": given}
    manifests = rendered({"services": services, "secretSettings": POSTGRES})
    assert dict(pods(manifests))["primehub-services"]["affinity"] == given


@pytest.mark.parametrize(("secrets", "elects"), [({}, False), (POSTGRES, True)])
def test_one_pod_of_the_services_is_replaced_and_elects_where_more_could_join_it(
    secrets: dict[str, Any], elects: bool
) -> None:
    deployment = one(rendered({"secretSettings": secrets}), "Deployment", "primehub-services")["spec"]
    pod = deployment["template"]["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert ("--elect" in pod["containers"][0]["command"]) is elects
    assert "affinity" not in pod


def test_nothing_is_reached_but_by_a_policy() -> None:
    manifests = rendered()
    deny = one(manifests, "NetworkPolicy", "primehub-default-deny")["spec"]
    solvers = {"matchExpressions": [{"key": "acme.cert-manager.io/http01-solver", "operator": "DoesNotExist"}]}
    assert deny == {"podSelector": solvers, "policyTypes": ["Ingress", "Egress"]}
    workloads = one(manifests, "NetworkPolicy", "primehub-workloads")["spec"]
    assert "ingress" not in workloads
    (internet,) = [e for e in workloads["egress"] if "ports" not in e]
    metadata = {"169.254.0.0/16", "168.63.129.16/32", "192.0.0.192/32"}
    assert metadata <= set(internet["to"][0]["ipBlock"]["except"])


def test_what_fetches_repositories_reaches_git_servers_and_nothing_of_the_platform() -> None:
    server = {"to": [{"ipBlock": {"cidr": "10.20.0.7/32"}}], "ports": [{"protocol": "TCP", "port": 22}]}
    manifests = rendered({"networkPolicies": {"git": {"extraEgress": [server]}}})
    policy = one(manifests, "NetworkPolicy", "primehub-git")["spec"]
    assert policy["podSelector"]["matchLabels"]["primehub.io/kind"] == "git-fetch"
    assert policy["egress"][1:] == [server]
    assert "podSelector" not in str(policy["egress"])
    fetches = {"key": "primehub.io/kind", "operator": "NotIn", "values": ["git-fetch"]}
    assert one(manifests, "NetworkPolicy", "primehub-workloads")["spec"]["podSelector"]["matchExpressions"] == [fetches]
    services = one(manifests, "NetworkPolicy", "primehub-services")["spec"]["ingress"]
    assert [peer for peer in services[0]["from"] if fetches in peer["podSelector"].get("matchExpressions", ())]


def test_the_services_know_the_proxys_pods_by_a_name() -> None:
    manifests = rendered()
    settings = yaml.safe_load(one(manifests, "ConfigMap", "primehub-settings")["data"]["settings.yaml"])
    service = one(manifests, "Service", settings["kubernetes"]["proxy_pods"])["spec"]
    proxy = one(manifests, "Deployment", "primehub-proxy")["spec"]
    assert service["clusterIP"] == "None"
    assert service["selector"] == proxy["selector"]["matchLabels"]


def test_prometheus_is_told_where_both_have_numbers_and_given_the_token_that_both_know() -> None:
    manifests = rendered({**EVERYTHING, "prometheus": {"serviceMonitor": True, "annotations": True}})
    for part, port, path in (
        ("hub", 8081, "/hub/metrics"),
        ("services", 8092, "/services/primehub/api/v1/metrics"),
        ("gateway", 8093, "/services/primehub-gateway/metrics"),
    ):
        service, monitor = (
            one(manifests, "Service", f"primehub-{part}"),
            one(manifests, "ServiceMonitor", f"primehub-{part}"),
        )
        assert service["metadata"]["annotations"] == {
            "prometheus.io/scrape": "true",
            "prometheus.io/path": path,
            "prometheus.io/port": str(port),
        }
        (endpoint,) = monitor["spec"]["endpoints"]
        assert (endpoint["path"], endpoint["authorization"]["credentials"]["key"]) == (path, "metrics.token")
        assert "metrics.token" in files(dict(pods(manifests))[f"primehub-{part}"], "keys")
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def test_services_and_gateway_listen_at_every_address_of_either_family() -> None:
    parts = dict(pods(rendered()))
    urls = {name: variables(parts[f"primehub-{name}"])["JUPYTERHUB_SERVICE_URL"] for name in ("services", "gateway")}
    assert {host_of(url) for url in urls.values()} == {""}
    assert urls == {"services": "http://:8092", "gateway": "http://:8093"}


def test_no_part_holds_up_a_node_that_is_drained() -> None:
    budgets = [m["spec"] for m in rendered() if m["kind"] == "PodDisruptionBudget"]
    assert {(b["maxUnavailable"], b["unhealthyPodEvictionPolicy"]) for b in budgets} == {(1, "AlwaysAllow")}


def test_what_asks_hub_and_database_restarts_nothing() -> None:
    (services,) = dict(pods(rendered()))["primehub-services"]["containers"]
    probes = {kind: services[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert [kind for kind, path in probes.items() if path.endswith("/health")] == ["readiness"]


def test_what_stays_after_an_uninstallation_lets_the_keys_be_looked_after_when_it_comes_again() -> None:
    policies = {m["metadata"]["name"]: m["metadata"] for m in rendered() if m["kind"] == "NetworkPolicy"}
    kept = {name for name, found in policies.items() if "helm.sh/resource-policy" in found.get("annotations", {})}
    assert kept == {f"primehub-{name}" for name in ("default-deny", "names", "keys", "workloads", "notebooks")}


def test_what_is_wrong_in_the_policy_of_the_keys_hook_is_mended_before_it_runs() -> None:
    manifests = rendered()
    job = one(manifests, "Job", "primehub-keys")
    policy = one(manifests, "NetworkPolicy", "primehub-keys")
    first, then = (found["metadata"]["annotations"] for found in (policy, job))
    assert first["helm.sh/hook"] == then["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert int(first["helm.sh/hook-weight"]) < int(then["helm.sh/hook-weight"])
    assert first["helm.sh/hook-delete-policy"] == "before-hook-creation"
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_without_network_policies_there_is_none(values: dict[str, Any]) -> None:
    without = values | {"networkPolicies": {"enabled": False}}
    assert "NetworkPolicy" not in {m["kind"] for m in rendered(without)}


def test_a_list_that_is_empty_lets_nobody_reach_or_be_reached() -> None:
    nothing: dict[str, Any] = {
        "metricsFrom": [],
        "dns": [],
        "platform": {"ports": [], "extraEgress": []},
        "workloads": {"internet": False, "extraEgress": []},
        "git": {"extraEgress": []},
    }
    policies = {
        m["metadata"]["name"]: m["spec"] for m in rendered({"networkPolicies": nothing}) if m["kind"] == "NetworkPolicy"
    }
    # Kubernetes takes no peers for all of them
    everybody = [
        (name, rule)
        for name, spec in policies.items()
        for way, peers in (("ingress", "from"), ("egress", "to"))
        for rule in spec.get(way) or ()
        if not rule.get(peers)
    ]
    assert everybody == [("primehub-proxy", {"ports": [{"protocol": "TCP", "port": 8000}]})]
    assert not [name for name in ("names", "keys", "git") if policies[f"primehub-{name}"].get("egress")]


def test_names_are_asked_for_where_and_at_the_ports_that_are_given() -> None:
    there = [{"namespaceSelector": {"matchLabels": {"name": "openshift-dns"}}}]
    names = one(rendered({"networkPolicies": {"dns": there, "dnsPorts": [5353]}}), "NetworkPolicy", "primehub-names")
    ports = [{"protocol": "UDP", "port": 5353}, {"protocol": "TCP", "port": 5353}]
    assert names["spec"]["egress"] == [{"to": there, "ports": ports}]


@pytest.mark.parametrize(
    ("values", "believes"),
    [
        ({}, False),
        ({"proxy": {"behind": True}}, True),
        ({"ingress": {"enabled": True, "host": "hub.example.org"}}, True),
    ],
)
def test_what_ends_tls_before_the_proxy_is_believed_and_nobody_else(values: dict[str, Any], believes: bool) -> None:
    proxy = dict(pods(rendered(values)))["primehub-proxy"]
    assert ("--no-x-forward" in proxy["containers"][0]["command"]) is believes


def test_every_container_of_the_platform_can_be_given_a_limit_of_cpu() -> None:
    given = {"resources": {"limits": {"cpu": "2"}}}
    parts = ("hub", "services", "gateway", "proxy", "hooks")
    for name, pod in pods(rendered(dict.fromkeys(parts, given))):
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            assert container["resources"]["limits"]["cpu"] == "2", (name, container["name"])


def test_hooks_run_where_the_hub_may() -> None:
    tolerations = [{"key": "team", "operator": "Exists"}]
    hub = {"tolerations": tolerations, "nodeSelector": {"pool": "platform"}}
    for name, pod in pods(rendered({"hub": hub, "priorityClassName": "high"})):
        if name in ("primehub-keys", "primehub-check"):
            assert pod["tolerations"] == tolerations
            assert pod["nodeSelector"] == {"pool": "platform"}
            assert pod["priorityClassName"] == "high"


def test_extra_configuration_sees_and_changes_ours_in_the_order_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ours(c: Any) -> None:
        c.JupyterHub.services = [{"name": "primehub"}]
        c.Spawner.environment = {"A": "1"}

    monkeypatch.setattr("hub_config.configure.configure", ours)
    extra = {
        "b-later": "c.JupyterHub.services = [*c.JupyterHub.services, {'name': MINE}]",
        "a-first": "  \nMINE = 'mine'\nc.Spawner.environment['B'] = '2'",
    }
    data = one(rendered({"hub": {"extraConfig": extra}}), "ConfigMap", "primehub-settings")["data"]
    for name, text in data.items():
        (tmp_path / name).write_text(text.replace("/etc/primehub", str(tmp_path)))
    found = PyFileConfigLoader("jupyterhub_config.py", path=str(tmp_path)).load_config()
    assert found.JupyterHub.services == [{"name": "primehub"}, {"name": "mine"}]
    assert found.Spawner.environment == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({"ingress": {"enabled": True, "host": "a.org"}}, "http://a.org"),
        ({"ingress": {"enabled": True, "host": "a.org", "tls": {"secretName": "t"}}}, "https://a.org"),
        ({"httpRoute": {"enabled": True, "hostnames": ["a.org"], "parentRefs": [{"name": "g"}]}}, "https://a.org"),
        ({"settings": {"public_url": "https://b.org"}}, "https://b.org"),
        ({}, None),
    ],
)
def test_the_address_that_people_use_is_that_of_ingress_or_route(values: dict[str, Any], url: str | None) -> None:
    data = one(rendered(values), "ConfigMap", "primehub-settings")["data"]
    assert yaml.safe_load(data["settings.yaml"]).get("public_url") == url


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({}, {"hostname": "hub.example.org", "wellKnownCACertificates": "System"}),
        (
            {"hostname": "inside.example.org", "caConfigMap": "ours"},
            {
                "hostname": "inside.example.org",
                "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ours"}],
            },
        ),
    ],
)
def test_a_gateway_speaks_tls_to_a_proxy_that_has_a_certificate(given: dict[str, Any], known: dict[str, Any]) -> None:
    manifests = rendered({"httpRoute": {**ROUTE, "backendTls": given}, **CERTIFIED})
    policy = one(manifests, "BackendTLSPolicy", "primehub-proxy")["spec"]
    assert policy["validation"] == known
    (target,) = policy["targetRefs"]
    service = one(manifests, target["kind"], target["name"])["spec"]
    assert [port["name"] for port in service["ports"]] == [target["sectionName"]]


@pytest.mark.parametrize(
    "values",
    [
        {"httpRoute": ROUTE},
        {"httpRoute": {**ROUTE, "backendTls": {"policy": False}}, **CERTIFIED},
        {"settings": {"public_url": "https://a.org"}, **CERTIFIED},
    ],
    ids=["the proxy has no certificate", "it is not wanted", "there is no route"],
)
def test_no_policy_is_made_where_there_is_nothing_for_it_to_say(values: dict[str, Any]) -> None:
    assert "BackendTLSPolicy" not in {m["kind"] for m in rendered(values)}


def test_two_releases_in_one_namespace_share_no_name_and_no_pod() -> None:
    first, second = rendered(), rendered(release="second")
    names = [{(m["kind"], m["metadata"]["name"]) for m in found} for found in (first, second)]
    assert not names[0] & names[1]
    selectors = [{str(m["spec"]["selector"]) for m in found if m["kind"] == "Service"} for found in (first, second)]
    assert not selectors[0] & selectors[1]
