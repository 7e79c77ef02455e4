"""The platform's own configuration, with the no-op launch in place of the sandbox."""

import os

from benchmarks.hub_overhead.spawners import NoopPrimeHubSpawner
from hub_config.configure import configure
from hub_config.settings import Settings

c = get_config()  # noqa: F821 - given by traitlets
configure(c, Settings.load())
c.NoopPrimeHubSpawner = c.PrimeHubLocalSpawner
for name in ("data_dir", "sandbox", "network", "workload_uid", "allow_unsandboxed", "host_path_roots"):
    c.NoopPrimeHubSpawner.pop(name, None)
c.JupyterHub.spawner_class = NoopPrimeHubSpawner
c.JupyterHub.tornado_settings["slow_spawn_timeout"] = 30
c.ConfigurableHTTPProxy.api_url = os.environ["BENCHMARK_PROXY_API"]
c.ConfigurableHTTPProxy.auth_token = "benchmark"
c.JupyterHub.services.append({"name": "benchmark", "api_token": "benchmark-token"})
c.JupyterHub.load_roles.append(
    {
        "name": "benchmark",
        "services": ["benchmark"],
        "scopes": ["admin:users", "servers", "list:users", "tokens"],
    }
)
